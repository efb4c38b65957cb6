#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graft/image/box.h"
#include "graft/image/class_color.h"
#include "graft/image/image.h"

namespace graft::image {

/// How thick lines are and how large text is.
struct DrawStyle {
  int line = 1;  ///< pixels
  int text = 1;  ///< pixels for each of the font's; a line of text is 13 times as high
};

/// What is seen well when the whole picture is looked at: both grow with its shorter side.
DrawStyle style_for(const Image& picture);

/// Fills what of the rectangle lies in the picture; x1 and y1 are exclusive.
void fill_rectangle(Image& picture, int x0, int y0, int x1, int y1, Color color);

/// The outline of a rectangle; the line lies inside. Sides outside of the picture are not seen.
void draw_frame(Image& picture, int x0, int y0, int x1, int y1, int line, Color color);

/// The outline of a box, whose outer edge is the box in whole pixels; the line lies inside. A box
/// that leaves the picture is cut there, so that all four sides are seen. Nothing where it lies
/// outside altogether, or has a coordinate that is no number.
void draw_outline(Image& picture, const Box& box, int line, Color color);

/// One line of UTF-8 text with its upper left corner at x, y; what lies outside is left out.
/// Characters that the font lacks become '?' (label_font.h).
void draw_text(Image& picture, int x, int y, std::string_view text, int scale, Color color);

struct DrawnBox {
  Box box;
  std::string text;  ///< on a plate above the box, or inside where there is no room; none if empty
  Color color;
};

/// Outlines, then plates with their text. The first box lies on top: detectors give the best one
/// first. Text that is wider than the picture is made smaller and then cut.
void draw_boxes(Image& picture, const std::vector<DrawnBox>& boxes, DrawStyle style);

}  // namespace graft::image
