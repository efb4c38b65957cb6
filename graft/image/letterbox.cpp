#include "graft/image/letterbox.h"

#include <algorithm>
#include <cstring>

#include "graft/base/error.h"
#include "graft/image/box_label.h"

namespace graft::image {
namespace {

int in_proportion(int side, int other, int whole) {
  return std::max(1, static_cast<int>(int64_t{side} * whole / other));
}

}  // namespace

Letterbox::Letterbox(Dimensions picture, Dimensions frame) : picture_(picture), frame_(frame) {
  GRAFT_ASSERT(picture.width > 0 && picture.height > 0 && frame.width > 0 && frame.height > 0);
  const bool wide = int64_t{frame.width} * picture.height < int64_t{frame.height} * picture.width;
  place_.width = wide ? frame.width : in_proportion(picture.width, picture.height, frame.height);
  place_.height = wide ? in_proportion(picture.height, picture.width, frame.width) : frame.height;
  place_.x = (frame.width - place_.width) / 2;
  place_.y = (frame.height - place_.height) / 2;
}

float Letterbox::scale_x() const {
  return static_cast<float>(place_.width) / static_cast<float>(picture_.width);
}

float Letterbox::scale_y() const {
  return static_cast<float>(place_.height) / static_cast<float>(picture_.height);
}

Image Letterbox::apply(const Image& picture, Filter filter, const Colour& fill) const {
  GRAFT_ASSERT(picture.width == picture_.width && picture.height == picture_.height);
  Image result = plain(frame_, fill);
  paste(resize(picture, place_.width, place_.height, filter), result, place_.x, place_.y);
  return result;
}

Box Letterbox::forth(const Box& box) const {
  return moved(box, scale_x(), scale_y(), static_cast<float>(place_.x),
               static_cast<float>(place_.y));
}

Box Letterbox::back(const Box& box) const {
  const Box whole{0, 0, static_cast<float>(picture_.width), static_cast<float>(picture_.height)};
  const auto x = static_cast<float>(place_.x), y = static_cast<float>(place_.y);
  return intersection(moved(box, 1 / scale_x(), 1 / scale_y(), -x / scale_x(), -y / scale_y()),
                      whole);
}

Image plain(Dimensions size, const Colour& fill) {
  Image result(size.width, size.height, fill[0]);
  if (fill[1] == fill[0] && fill[2] == fill[0]) return result;
  for (size_t i = 0; i < result.pixels.size(); ++i) result.pixels[i] = fill[i % 3];
  return result;
}

void paste(const Image& part, Image& image, int x, int y) {
  const int left = std::max(0, -x), right = std::min(part.width, image.width - x);
  if (left >= right) return;
  const int bottom = std::min(part.height, image.height - y);
  for (int row = std::max(0, -y); row < bottom; ++row) {
    std::memcpy(image.at(x + left, y + row), part.at(left, row),
                static_cast<size_t>(right - left) * 3);
  }
}

}  // namespace graft::image
