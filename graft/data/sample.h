#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "graft/image/box_label.h"

namespace graft::data {

using image::BoxLabel;

/// One picture or text of a source.
struct Sample {
  std::string id;  ///< valid UTF-8: path below the root, member of a tar, "train/line:123", …
  /// Class indices, rising; one for single-label data. Where words have classes (token_classes): of
  /// each word its own, in their order; where pictures have boxes, those of its objects.
  std::vector<int> labels;
  /// The label as a number: what regression learns. NaN when it is none.
  float value = std::numeric_limits<float>::quiet_NaN();
  /// In pixels of the upright picture, each at least one wide and high.
  std::vector<BoxLabel> boxes = {};
  /// Of the boxes that the data have: those that were cut at the picture's borders, and those that
  /// were left out because nothing was left (box_listing.h).
  int cut_boxes = 0, dropped_boxes = 0;
};

/// Gives labels and boxes the classes `mapping[class]`; those for which that is below 0, or that
/// lie beyond its end, go. Where words have classes (`ordered`) labels keep their places and none
/// may go. Where pictures have boxes, `labels` are again those of the objects that are not crowds.
void relabel_sample(Sample& sample, const std::vector<int>& mapping, bool ordered);

/// The part of the data that a sample was given to. `none`: the source does not say.
enum class Split : uint8_t { none, train, validation, test };

/// "train", "validation", "test"; "unsplit" for none.
const char* split_name(Split split);
/// Understands train/training, validation/valid/val/dev/trial, test/testing, and CoNLL-2003's testa
/// (validation) and testb (test), in any case; none otherwise.
Split split_called(const std::string& word);

}  // namespace graft::data
