#pragma once

#include "graft/image/resample_weights.h"

namespace graft::image::detail {

/// Pixels inside an image.
struct View {
  const uint8_t* data;
  int width;
  int height;
  size_t stride;

  const uint8_t* row(int y) const { return data + static_cast<size_t>(y) * stride; }
  View part(const Rect& box) const {
    return {row(box.y) + static_cast<ptrdiff_t>(box.x) * 3, box.width, box.height, stride};
  }
};

/// One pass over an input that starts at weights.begin() and ends at weights.end(), into an image
/// that has its final size in that direction.
using Pass = void (*)(const View& in, const Weights& weights, Image& out);

struct Passes {
  Pass horizontal;
  Pass vertical;
};

/// For every machine, and the fastest for this one; their results are equal.
const Passes& portable_passes();
const Passes& fastest_passes();

}  // namespace graft::image::detail
