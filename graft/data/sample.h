#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace graft::data {

/// One picture or text of a source.
struct Sample {
  std::string id;  ///< valid UTF-8: path below the root, member of a tar, "train/line:123", …
  std::vector<int> labels;  ///< class indices, rising; one for single-label data
  /// The label as a number: what regression learns. NaN when it is none.
  float value = std::numeric_limits<float>::quiet_NaN();
};

/// The part of the data that a sample was given to. `none`: the source does not say.
enum class Split : uint8_t { none, train, validation, test };

/// "train", "validation", "test"; "unsplit" for none.
const char* split_name(Split split);
/// Understands train/training, validation/valid/val/dev/trial, test/testing, in any case; none
/// otherwise.
Split split_called(const std::string& word);

}  // namespace graft::data
