#pragma once

#include <functional>
#include <string>

#include "graft/eval/box_match.h"
#include "graft/image/class_color.h"
#include "graft/image/image.h"

namespace graft::report {

/// Opens the picture of an input; an empty one when it has none: texts, files that are gone.
using Picture = std::function<image::Image(const std::string& input)>;

/// The picture of an input, or an empty one where it cannot be opened (graft::Error).
image::Image open_picture(const Picture& open, const std::string& input);

/// A JPEG as a data URI ("data:image/jpeg;base64,…") whose shorter side has at most 160 pixels; ""
/// of an empty picture.
std::string thumbnail(const image::Image& picture);

/// The part of a picture around a box, with as much beside it as it is large, in the size of a
/// tile.
class CloseUp {
 public:
  /// The picture must not be empty. A box that lies outside of it gives the whole picture.
  CloseUp(const image::Image& picture, const eval::MeasuredBox& around);

  /// Outlines a box of the picture; sides outside of the part are not seen.
  void outline(const eval::MeasuredBox& box, image::Color color, int line);
  const image::Image& image() const { return part_; }
  std::string uri() const;

 private:
  image::Image part_;
  double x_, y_;          ///< of the part's corner, in pixels of the picture
  double across_, down_;  ///< pixels of the part for one of the picture
};

}  // namespace graft::report
