#include "graft/image/draw.h"

#include <algorithm>
#include <cmath>

#include "graft/image/label_font.h"

namespace graft::image {
namespace {

/// A rectangle in whole pixels; x1 and y1 are exclusive.
struct Area {
  int x0, y0, x1, y1;
};

/// The pixels of the picture that a box touches; empty where none is.
Area pixels_of(const Box& box, const Image& picture) {
  if (!std::isfinite(box.x0) || !std::isfinite(box.y0) || !std::isfinite(box.x1) ||
      !std::isfinite(box.y1)) {
    return {0, 0, 0, 0};
  }
  // Borders are rounded, and a box that is thinner than a pixel still has one.
  const auto span = [](float from, float to, int size, int& first, int& end) {
    const auto limit = static_cast<float>(size);
    first = static_cast<int>(std::lround(std::clamp(from, 0.F, limit)));
    end = static_cast<int>(std::lround(std::clamp(to, 0.F, limit)));
    if (end == first && from < limit && to > 0) {
      first = std::min(first, size - 1);
      end = first + 1;
    }
  };
  Area area{};
  span(box.x0, box.x1, picture.width, area.x0, area.x1);
  span(box.y0, box.y1, picture.height, area.y0, area.y1);
  return area;
}

/// Blanks around the text of a plate, in pixels of the font.
constexpr int kSide = 2, kBelow = 1;

int plate_width(int glyphs, int scale) {
  return (glyphs * kGlyphWidth + 2 * kSide) * scale;
}

void draw_plate(Image& picture, const DrawnBox& drawn, DrawStyle style) {
  const Area box = pixels_of(drawn.box, picture);
  if (drawn.text.empty() || box.x0 >= box.x1 || box.y0 >= box.y1) return;
  int scale = style.text;
  const int glyphs = glyph_count(drawn.text);
  while (scale > 1 && plate_width(glyphs, scale) > picture.width) --scale;
  const int width = std::min(plate_width(glyphs, scale), picture.width);
  const int height = (kGlyphHeight + kBelow) * scale;
  const int x = std::min(box.x0, picture.width - width);
  const int y = box.y0 >= height ? box.y0 - height : box.y0;
  fill_rectangle(picture, x, y, x + width, y + height, drawn.color);
  draw_text(picture, x + kSide * scale, y, drawn.text, scale, ink_on(drawn.color));
}

}  // namespace

DrawStyle style_for(const Image& picture) {
  const int side = std::min(picture.width, picture.height);
  const auto share = [&](double parts) {
    return std::max(1, static_cast<int>(std::lround(side / parts)));
  };
  return {share(240), share(400)};
}

void fill_rectangle(Image& picture, int x0, int y0, int x1, int y1, Color color) {
  x0 = std::max(x0, 0);
  x1 = std::min(x1, picture.width);
  for (int y = std::max(y0, 0); y < std::min(y1, picture.height); ++y) {
    for (int x = x0; x < x1; ++x) {
      uint8_t* pixel = picture.at(x, y);
      pixel[0] = color.red;
      pixel[1] = color.green;
      pixel[2] = color.blue;
    }
  }
}

void draw_frame(Image& picture, int x0, int y0, int x1, int y1, int line, Color color) {
  const int across = std::min(line, x1 - x0);
  const int down = std::min(line, y1 - y0);
  fill_rectangle(picture, x0, y0, x1, y0 + down, color);
  fill_rectangle(picture, x0, y1 - down, x1, y1, color);
  fill_rectangle(picture, x0, y0, x0 + across, y1, color);
  fill_rectangle(picture, x1 - across, y0, x1, y1, color);
}

void draw_outline(Image& picture, const Box& box, int line, Color color) {
  const auto [x0, y0, x1, y1] = pixels_of(box, picture);
  if (x0 < x1 && y0 < y1) draw_frame(picture, x0, y0, x1, y1, line, color);
}

void draw_text(Image& picture, int x, int y, std::string_view text, int scale, Color color) {
  for (; !text.empty() && x < picture.width; x += kGlyphWidth * scale) {
    const Glyph& glyph = next_glyph(text);
    for (int row = 0; row < kGlyphHeight; ++row) {
      for (int column = 0; column < kGlyphWidth; ++column) {
        if (!(glyph[static_cast<size_t>(row)] >> (kGlyphWidth - 1 - column) & 1U)) continue;
        const int left = x + column * scale;
        const int top = y + row * scale;
        fill_rectangle(picture, left, top, left + scale, top + scale, color);
      }
    }
  }
}

void draw_boxes(Image& picture, const std::vector<DrawnBox>& boxes, DrawStyle style) {
  for (auto drawn = boxes.rbegin(); drawn != boxes.rend(); ++drawn)
    draw_outline(picture, drawn->box, style.line, drawn->color);
  for (auto drawn = boxes.rbegin(); drawn != boxes.rend(); ++drawn)
    draw_plate(picture, *drawn, style);
}

}  // namespace graft::image
