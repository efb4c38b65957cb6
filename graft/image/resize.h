#pragma once

#include "graft/image/codec.h"
#include "graft/image/filter.h"
#include "graft/image/image.h"

namespace graft::image {

/// A rectangle of pixels.
struct Rect {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  bool operator==(const Rect&) const = default;
};

/// Where the middle lies when the margins cannot be equal.
enum class Centre {
  transformers,  ///< margin rounded down when cutting, up when padding (numpy backend of
                 ///< transformers)
  torchvision    ///< margin rounded to even when cutting, down when padding
};

/// Resizes to width x height; equals Image.resize of Pillow 13 bit for bit: 22-bit fixed point
/// weights, and rows go first when `height lost > 2 x width lost`. (Before 13 columns always went
/// first; then such pictures differ by the rounding in between.) Sizes must be positive. The same
/// size gives a copy.
Image resize(const Image& image, int width, int height, Filter filter);

/// The part `window` of resize(image, width, height, filter), without computing the rest.
Image resize_window(const Image& image, int width, int height, Filter filter, const Rect& window);

/// Cuts `box` out, then resizes it, as torchvision's resized_crop: pixels outside of the box have
/// no influence. The box must lie inside the image.
Image resize_crop(const Image& image, const Rect& box, int width, int height, Filter filter);

/// Cuts out a rectangle; where it leaves the image the result is black.
Image crop(const Image& image, const Rect& box);
/// The middle; a side that is shorter than asked is padded with black.
Image center_crop(const Image& image, int width, int height, Centre centre = Centre::transformers);
/// The box of center_crop inside a picture of that size; it starts below 0 where it pads.
Rect center_box(Dimensions size, int width, int height, Centre centre = Centre::transformers);

Image hflip(Image image);  ///< left and right
Image vflip(Image image);  ///< top and bottom
Image transpose(const Image& image);

}  // namespace graft::image
