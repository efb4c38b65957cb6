#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "graft/io/darknet_net.h"
#include "graft/models/detector.h"

namespace graft::models {

/// An object, and the place in a map that must find it.
struct YoloMatch {
  int64_t picture, anchor, y, x;  ///< anchor: position in the mask
  image::Box box;
  int label;
  double weight = 1;  ///< of the box's term
  std::tuple<int64_t, int64_t, int64_t, int64_t> place() const { return {picture, anchor, y, x}; }
};

/// Which places of a map [height, width] must find the objects of each picture, as Darknet gives
/// them out: the cell is that of the centre; the anchor the one of all maps that fits best, if it
/// is one of this map, and those that fit better than iou_thresh.
std::vector<YoloMatch> match_yolo(const io::DarknetYolo& yolo, const io::MapShape& input,
                                  int64_t height, int64_t width,
                                  const std::vector<std::vector<Truth>>& truth);

}  // namespace graft::models
