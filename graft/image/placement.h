#pragma once

#include "graft/image/box.h"

namespace graft::image {

/// Where the pixels of a picture lie after it was resized and cut or padded: x becomes x * scale_x
/// + left.
struct Placement {
  double scale_x = 1, scale_y = 1;
  double left = 0, top = 0;

  /// A box of the picture, in pixels of the result.
  Box into(const Box& box) const {
    return {static_cast<float>(box.x0 * scale_x + left), static_cast<float>(box.y0 * scale_y + top),
            static_cast<float>(box.x1 * scale_x + left),
            static_cast<float>(box.y1 * scale_y + top)};
  }
  /// The way back.
  Box back(const Box& box) const {
    return {static_cast<float>((box.x0 - left) / scale_x),
            static_cast<float>((box.y0 - top) / scale_y),
            static_cast<float>((box.x1 - left) / scale_x),
            static_cast<float>((box.y1 - top) / scale_y)};
  }
};

}  // namespace graft::image
