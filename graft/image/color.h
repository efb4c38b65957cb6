#pragma once

#include "graft/image/image.h"

namespace graft::image {

/// The adjustments of Pillow's ImageEnhance, equal to it bit for bit: `factor` 1 keeps the picture,
/// 0 gives the degenerate one (black, flat grey, grey, blurred), above 1 exaggerates. Factors must
/// be finite.
Image adjust_brightness(Image image, double factor);
Image adjust_contrast(Image image, double factor);
Image adjust_saturation(Image image, double factor);
Image adjust_sharpness(const Image& image, double factor);

/// Turns the hue in Pillow's 8-bit HSV by `factor` of the circle, -0.5 to 0.5 (torchvision's
/// adjust_hue).
Image adjust_hue(Image image, double factor);

/// Luma of ITU-R 601 in all three channels.
Image grayscale(Image image);

/// ImageOps: keeps the highest `bits` (1 to 8) of each sample.
Image posterize(Image image, int bits);
/// ImageOps: inverts samples that are not below `threshold`.
Image solarize(Image image, double threshold);
/// ImageOps: stretches each channel to 0 … 255.
Image autocontrast(Image image);
/// ImageOps: evens out the histogram of each channel.
Image equalize(Image image);
Image invert(Image image);

}  // namespace graft::image
