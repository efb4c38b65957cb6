#include "graft/image/preprocess.h"

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/image/letterbox.h"
#include "graft/image/resize_linear.h"

namespace graft::image {
namespace {

/// size x other / side, rounded towards zero as Python's int() does.
int in_proportion(double size, int other, int side) {
  const double length = size * other / side;
  if (length > kMaxPixels) return static_cast<int>(kMaxPixels);
  return std::max(1, static_cast<int>(length));
}

Dimensions with_short_side(Dimensions picture, double size) {
  const bool upright = picture.width <= picture.height;
  const int side = std::max(1, static_cast<int>(std::nearbyint(size)));
  const int longer = upright ? in_proportion(size, picture.height, picture.width)
                             : in_proportion(size, picture.width, picture.height);
  return upright ? Dimensions{side, longer} : Dimensions{longer, side};
}

/// transformers' get_size_with_aspect_ratio.
Dimensions with_limits(Dimensions picture, int shortest, int longest) {
  const double low = std::min(picture.width, picture.height);
  const double high = std::max(picture.width, picture.height);
  double size = shortest;
  if (high / low * shortest > longest) size = longest * low / high;
  if (static_cast<int>(std::nearbyint(size)) == static_cast<int>(low)) return picture;
  return with_short_side(picture, size);
}

Rect intersection(const Rect& box, Dimensions size) {
  const int left = std::max(box.x, 0), top = std::max(box.y, 0);
  const int right = std::min(box.x + box.width, size.width);
  const int bottom = std::min(box.y + box.height, size.height);
  return {left, top, right - left, bottom - top};
}

}  // namespace

Dimensions Preprocess::output() const {
  if (crop) return {crop_width, crop_height};
  if (resize == Resize::exact || resize == Resize::letterbox) return {resize_width, resize_height};
  return {0, 0};
}

Dimensions Preprocess::resized(Dimensions picture) const {
  switch (resize) {
    case Resize::none:
      return picture;
    case Resize::exact:
      return {resize_width, resize_height};
    case Resize::shortest_edge:
      return longest_edge > 0 ? with_limits(picture, shortest_edge, longest_edge)
                              : with_short_side(picture, shortest_edge);
    case Resize::letterbox: {
      const Rect place = Letterbox(picture, {resize_width, resize_height}).place();
      return {place.width, place.height};
    }
    case Resize::cover: {
      const double ratio = std::min(static_cast<double>(picture.width) / resize_width,
                                    static_cast<double>(picture.height) / resize_height);
      const auto side = [&](int length) {
        return static_cast<int>(
            std::clamp(std::nearbyint(length / ratio), 1.0, double{kMaxPixels}));
      };
      return {side(picture.width), side(picture.height)};
    }
  }
  return picture;
}

Placement Preprocess::placement(Dimensions picture) const {
  const Dimensions size = resized(picture);
  Placement place;
  place.scale_x = static_cast<double>(size.width) / picture.width;
  place.scale_y = static_cast<double>(size.height) / picture.height;
  if (crop) {
    const Rect window = center_box(size, crop_width, crop_height, centre);
    place.left = -window.x;
    place.top = -window.y;
  } else if (resize == Resize::letterbox) {
    const Rect inside = Letterbox(picture, {resize_width, resize_height}).place();
    place.left = inside.x;
    place.top = inside.y;
  }
  return place;
}

Image Preprocess::apply(const Image& image) const {
  GRAFT_ASSERT(!image.empty());
  const Dimensions size = resized({image.width, image.height});
  if (!crop) {
    if (int64_t{size.width} * size.height > kMaxPixels) {
      fail_unreadable(
          "an image of {} x {} pixels would become {} x {}, which is more than {} pixels: its "
          "proportions are too extreme for this model",
          image.width, image.height, size.width, size.height, kMaxPixels);
    }
    Image whole = antialias ? image::resize(image, size.width, size.height, filter)
                            : resize_linear(image, size.width, size.height);
    if (resize != Resize::letterbox) return whole;
    constexpr uint8_t kGrey = Letterbox::kGrey;
    Image frame = plain({resize_width, resize_height}, {kGrey, kGrey, kGrey});
    const Placement place = placement({image.width, image.height});
    paste(whole, frame, static_cast<int>(place.left), static_cast<int>(place.top));
    return frame;
  }
  const Rect window = center_box(size, crop_width, crop_height, centre);
  const Rect inside = intersection(window, size);
  Image part = resize_window(image, size.width, size.height, filter, inside);
  if (inside == window) return part;
  return image::crop(part, {window.x - inside.x, window.y - inside.y, window.width, window.height});
}

void Preprocess::to_floats(const Image& image, float* out) const {
  // A sample has 256 values, so each is computed once, in the precision and order of transformers.
  float table[3][256];
  for (size_t c = 0; c < 3; ++c) {
    for (int value = 0; value < 256; ++value) {
      float result = static_cast<float>(rescale ? value * rescale_factor : value);
      if (normalize) result = (result - static_cast<float>(mean[c])) / static_cast<float>(std[c]);
      table[c][value] = result;
    }
  }
  const uint8_t* in = image.pixels.data();
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    out[i] = table[0][in[i]];
    out[i + 1] = table[1][in[i + 1]];
    out[i + 2] = table[2][in[i + 2]];
  }
}

}  // namespace graft::image
