#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace graft::data {

/// One picture of a source.
struct Sample {
  std::string id;  ///< valid UTF-8: path below the root, member of a tar, or "train/idx:123"
  std::vector<int> labels;  ///< class indices, rising; one for single-label data
};

/// The part of the data that a sample was given to. `none`: the source does not say.
enum class Split : uint8_t { none, train, validation, test };

/// "train", "validation", "test"; "unsplit" for none.
const char* split_name(Split split);
/// Understands train/training, validation/valid/val/dev, test/testing, in any case; none otherwise.
Split split_called(const std::string& word);

}  // namespace graft::data
