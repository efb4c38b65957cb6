#include <algorithm>
#include <cstring>
#include <utility>

#include "graft/base/error.h"
#include "graft/image/resize.h"

namespace graft::image {
namespace {

int margin(int have, int want, Centre centre) {
  const int spare = have - want;
  if (spare >= 0) {
    const int floor = spare / 2;
    const bool to_even = centre == Centre::torchvision && spare % 2 == 1 && floor % 2 == 1;
    return to_even ? floor + 1 : floor;
  }
  return centre == Centre::torchvision ? -(-spare / 2) : -((-spare + 1) / 2);
}

}  // namespace

Image crop(const Image& image, const Rect& box) {
  GRAFT_ASSERT(box.width > 0 && box.height > 0);
  Image result(box.width, box.height);
  const int left = std::max(box.x, 0);
  const int right = std::min(box.x + box.width, image.width);
  if (left >= right) return result;
  const auto bytes = static_cast<size_t>(right - left) * 3;
  const int bottom = std::min(box.y + box.height, image.height);
  for (int y = std::max(box.y, 0); y < bottom; ++y) {
    std::memcpy(result.at(left - box.x, y - box.y), image.at(left, y), bytes);
  }
  return result;
}

Rect center_box(Dimensions size, int width, int height, Centre centre) {
  return {margin(size.width, width, centre), margin(size.height, height, centre), width, height};
}

Image center_crop(const Image& image, int width, int height, Centre centre) {
  if (image.width == width && image.height == height) return image;
  return crop(image, center_box({image.width, image.height}, width, height, centre));
}

Image hflip(Image image) {
  for (int y = 0; y < image.height; ++y) {
    uint8_t* left = image.at(0, y);
    uint8_t* right = left + (static_cast<ptrdiff_t>(image.width) - 1) * 3;
    for (; left < right; left += 3, right -= 3) std::swap_ranges(left, left + 3, right);
  }
  return image;
}

Image vflip(Image image) {
  const auto row = static_cast<size_t>(image.width) * 3;
  for (int top = 0, bottom = image.height - 1; top < bottom; ++top, --bottom) {
    std::swap_ranges(image.at(0, top), image.at(0, top) + row, image.at(0, bottom));
  }
  return image;
}

Image transpose(const Image& image) {
  Image result(image.height, image.width);
  // In tiles, so that the column-wise side stays in the cache.
  constexpr int kTile = 32;
  for (int top = 0; top < image.height; top += kTile) {
    for (int left = 0; left < image.width; left += kTile) {
      const int bottom = std::min(top + kTile, image.height);
      const int right = std::min(left + kTile, image.width);
      for (int y = top; y < bottom; ++y) {
        for (int x = left; x < right; ++x) std::memcpy(result.at(y, x), image.at(x, y), 3);
      }
    }
  }
  return result;
}

}  // namespace graft::image
