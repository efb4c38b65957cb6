#pragma once

#include <vector>

#include "graft/models/detector.h"

namespace graft::models {

/// Boxes of one picture that may be objects, before those that show the same one are dropped.
struct Candidates {
  std::vector<image::Box> boxes;
  std::vector<float> scores;
  std::vector<int> labels;

  void add(const image::Box& box, float score, int label);
  /// Those that stay where boxes of one label that overlap more than `iou` are one object; at most
  /// `most`, best first.
  Detections chosen(float iou, int most) const;
};

}  // namespace graft::models
