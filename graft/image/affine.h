#pragma once

#include <array>

#include "graft/image/filter.h"
#include "graft/image/image.h"

namespace graft::image {

/// Maps output to input: x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5, with pixel centres at .5.
using AffineMatrix = std::array<double, 6>;
using Colour = std::array<uint8_t, 3>;

/// Image.transform(AFFINE) of Pillow, bit for bit: same size, `fill` where the input ends. `filter`
/// is nearest or bilinear (which here interpolates between four pixels and does not average).
Image affine(const Image& image, const AffineMatrix& matrix, Filter filter = Filter::nearest,
             const Colour& fill = {});

/// Image.rotate: `degrees` counter-clockwise around the centre; quarter turns are exact.
Image rotate(const Image& image, double degrees, Filter filter = Filter::nearest,
             const Colour& fill = {});

/// torchvision's shears and translations, as its auto-augment policies apply them: x by `slope` y
/// around the top left corner, and by whole pixels.
AffineMatrix shear_matrix(double slope_x, double slope_y);
AffineMatrix translate_matrix(int right, int down);

}  // namespace graft::image
