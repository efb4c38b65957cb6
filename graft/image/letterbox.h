#pragma once

#include "graft/image/affine.h"
#include "graft/image/box.h"
#include "graft/image/resize.h"

namespace graft::image {

/// Where a picture lies in a frame that it fills as far as its proportions allow, in the middle:
/// sizes and place are those of Darknet's letterbox_image (Redmon 2013 to 2016, public domain).
/// Ultralytics' and others' differ by a pixel at most where a side does not divide evenly.
///
///   const Letterbox letterbox({photo.width, photo.height}, {320, 320});
///   const Image input = letterbox.apply(photo);
///   const Box in_photo = letterbox.back(found);
class Letterbox {
 public:
  /// The level around the picture: the middle, as in Darknet.
  static constexpr uint8_t kGrey = 127;

  /// Sides must be positive.
  Letterbox(Dimensions picture, Dimensions frame);

  /// The part of the frame that shows the picture.
  const Rect& place() const { return place_; }
  Image apply(const Image& picture, Filter filter = Filter::bilinear,
              const Colour& fill = {kGrey, kGrey, kGrey}) const;
  /// A box of the picture as it lies in the frame.
  Box forth(const Box& box) const;
  /// A box of the frame in the picture, cut at its borders; it is empty where it lies beside the
  /// picture.
  Box back(const Box& box) const;

  float scale_x() const;
  float scale_y() const;

 private:
  Dimensions picture_, frame_;
  Rect place_;
};

/// A frame of one colour.
Image plain(Dimensions size, const Colour& fill);
/// Copies `part` into `image` with its top left corner at (x, y); what lies outside is left out.
void paste(const Image& part, Image& image, int x, int y);

}  // namespace graft::image
