#pragma once

#include "graft/image/affine.h"
#include "graft/image/image.h"

namespace graft::image {

/// The operations that RandAugment (Cubuk et al. 2020) and TrivialAugment (Müller and Hutter 2021)
/// draw from, with the order and the ranges of torchvision.
enum class AutoOp {
  identity,
  shear_x,
  shear_y,
  translate_x,
  translate_y,
  rotate,
  brightness,
  color,
  contrast,
  sharpness,
  posterize,
  solarize,
  auto_contrast,
  equalize
};
inline constexpr int kAutoOpCount = 14;

enum class AutoSpace { rand_augment, trivial_augment_wide };

/// Whether the magnitude is drawn with a random sign.
bool is_signed(AutoOp op);

/// The magnitude of bin 0 <= `bin` < `bins` for a picture of that size; 0 for operations without
/// one.
double auto_magnitude(AutoOp op, AutoSpace space, int bin, int bins, int width, int height);

Image apply_auto_op(Image image, AutoOp op, double magnitude, Filter filter = Filter::nearest,
                    const Colour& fill = {});

}  // namespace graft::image
