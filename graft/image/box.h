#pragma once

#include <algorithm>

namespace graft::image {

/// Where an object lies, in pixels; x1 and y1 are exclusive. Its borders may lie between pixels and
/// outside of the picture.
struct Box {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;

  float width() const { return x1 - x0; }
  float height() const { return y1 - y0; }
  /// 0 where a side is empty.
  float area() const { return std::max(width(), 0.F) * std::max(height(), 0.F); }
  bool operator==(const Box&) const = default;
};

/// What both boxes cover; empty (area 0) where they do not meet.
inline Box intersection(const Box& a, const Box& b) {
  return {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1), std::min(a.y1, b.y1)};
}

/// Intersection over union, from 0 to 1; 0 where both boxes are empty.
inline float iou(const Box& a, const Box& b) {
  const float common = intersection(a, b).area();
  const float all = a.area() + b.area() - common;
  return all > 0 ? common / all : 0;
}

}  // namespace graft::image
