#pragma once

#include "graft/image/image.h"

namespace graft::image {

/// Resizes to width x height between the four nearest pixels, also where that leaves pixels out:
/// what OpenCV's resize does with INTER_LINEAR, bit for bit (11-bit weights). Sizes must be
/// positive. The same size gives a copy.
Image resize_linear(const Image& image, int width, int height);

}  // namespace graft::image
