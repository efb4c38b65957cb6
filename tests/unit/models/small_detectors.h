#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/image/codec.h"

/// Every family of detectors in a size that learns pictures by heart within seconds or minutes.
namespace graft::models::test {

/// What such a detector is made for.
struct SmallSize {
  image::Dimensions input;  ///< of pictures, in pixels
  int64_t objects = 8;      ///< most that families with queries can say of one picture
  int64_t times = 1;        ///< channels, as multiples of what few made pictures take
};

struct SmallDetector {
  std::string name;
  std::function<Json(const SmallSize&)> config;
  double rate;      ///< AdamW's, to learn by heart
  int scene_steps;  ///< for four made pictures
  int photo_steps;  ///< for eight photos
};
/// One line a family.
const std::vector<SmallDetector>& small_detectors();

/// YOLO of Darknet with one of its losses of boxes: mse, iou, giou, diou or ciou.
Json small_darknet(const SmallSize& size, const std::string& loss);

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
inline void PrintTo(const SmallDetector& one, std::ostream* out) {
  *out << one.name;
}

}  // namespace graft::models::test
