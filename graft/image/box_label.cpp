#include "graft/image/box_label.h"

#include <cmath>

namespace graft::image {

Box moved(const Box& box, float scale_x, float scale_y, float shift_x, float shift_y) {
  const float x0 = box.x0 * scale_x + shift_x, x1 = box.x1 * scale_x + shift_x;
  const float y0 = box.y0 * scale_y + shift_y, y1 = box.y1 * scale_y + shift_y;
  return {std::min(x0, x1), std::min(y0, y1), std::max(x0, x1), std::max(y0, y1)};
}

void move_boxes(std::vector<BoxLabel>& boxes, float scale_x, float scale_y, float shift_x,
                float shift_y) {
  for (BoxLabel& one : boxes) {
    one.box = moved(one.box, scale_x, scale_y, shift_x, shift_y);
    one.area *= std::abs(scale_x * scale_y);
  }
}

void cut_boxes(std::vector<BoxLabel>& boxes, const Box& window, const CutRule& rule) {
  std::erase_if(boxes, [&](BoxLabel& one) {
    const Box left = intersection(one.box, window);
    const float whole = one.box.area();
    const float share = whole > 0 ? left.area() / whole : 0;
    one.box = left;
    one.area *= share;
    return left.width() < rule.shortest || left.height() < rule.shortest ||
           (!one.crowd && share < rule.visible);
  });
}

}  // namespace graft::image
