#include "graft/report/thumbnail.h"

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/image/codec.h"
#include "graft/image/draw.h"
#include "graft/image/resize.h"

namespace graft::report {
namespace {

constexpr int kShorterSide = 160;
constexpr int kTileSide = 240;
constexpr int kQuality = 80;
/// A part that is smaller shows nothing of what lies around.
constexpr double kLeastPart = 48;

std::string base64(const std::vector<uint8_t>& bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const uint32_t triple = (static_cast<uint32_t>(bytes[i]) << 16) |
                            (i + 1 < bytes.size() ? static_cast<uint32_t>(bytes[i + 1]) << 8 : 0) |
                            (i + 2 < bytes.size() ? static_cast<uint32_t>(bytes[i + 2]) : 0);
    text += kDigits[triple >> 18 & 63];
    text += kDigits[triple >> 12 & 63];
    text += i + 1 < bytes.size() ? kDigits[triple >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kDigits[triple & 63] : '=';
  }
  return text;
}

std::string data_uri(const image::Image& picture) {
  return "data:image/jpeg;base64," + base64(image::encode_jpeg(picture, kQuality));
}

/// From where to where the part goes along one side.
struct Stretch {
  int from, length;
};
Stretch stretch(double start, double size, double wanted, int side) {
  const double length = std::min(wanted, static_cast<double>(side));
  const double from = std::clamp(start + (size - length) / 2, 0.0, side - length);
  const int first = static_cast<int>(from);
  return {first, std::min(std::max(1, static_cast<int>(std::ceil(length))), side - first)};
}

image::Rect part_around(const image::Image& picture, const eval::MeasuredBox& box) {
  const double x = std::clamp(box.x, 0.0, static_cast<double>(picture.width));
  const double y = std::clamp(box.y, 0.0, static_cast<double>(picture.height));
  const double width = std::min(box.x + box.width, static_cast<double>(picture.width)) - x;
  const double height = std::min(box.y + box.height, static_cast<double>(picture.height)) - y;
  if (!(width > 0 && height > 0)) return {0, 0, picture.width, picture.height};
  const double wanted = std::max(kLeastPart, 2 * std::max(width, height));
  const Stretch across = stretch(x, width, wanted, picture.width);
  const Stretch down = stretch(y, height, wanted, picture.height);
  return {across.from, down.from, across.length, down.length};
}

int scaled(int side, double scale) {
  return std::max(1, static_cast<int>(std::lround(side * scale)));
}

}  // namespace

image::Image open_picture(const Picture& open, const std::string& input) {
  if (!open) return {};
  try {
    return open(input);
  } catch (const Error&) {
    return {};
  }
}

std::string thumbnail(const image::Image& picture) {
  if (picture.empty()) return "";
  const double scale =
      std::min(1.0, static_cast<double>(kShorterSide) / std::min(picture.width, picture.height));
  return data_uri(image::resize(picture, std::max(1, static_cast<int>(picture.width * scale)),
                                std::max(1, static_cast<int>(picture.height * scale)),
                                image::Filter::bilinear));
}

CloseUp::CloseUp(const image::Image& picture, const eval::MeasuredBox& around) {
  const image::Rect part = part_around(picture, around);
  const double scale = static_cast<double>(kTileSide) / std::max(part.width, part.height);
  part_ = image::resize_crop(picture, part, scaled(part.width, scale), scaled(part.height, scale),
                             image::Filter::bilinear);
  x_ = part.x;
  y_ = part.y;
  across_ = static_cast<double>(part_.width) / part.width;
  down_ = static_cast<double>(part_.height) / part.height;
}

void CloseUp::outline(const eval::MeasuredBox& box, image::Color color, int line) {
  // What lies further away than a part is long is not seen, wherever it is.
  const auto pixel = [](double at) {
    return static_cast<int>(std::lround(std::clamp<double>(at, -kTileSide, 2 * kTileSide)));
  };
  const auto x = [&](double at) { return pixel((at - x_) * across_); };
  const auto y = [&](double at) { return pixel((at - y_) * down_); };
  image::draw_frame(part_, x(box.x), y(box.y), x(box.x + box.width), y(box.y + box.height), line,
                    color);
}

std::string CloseUp::uri() const {
  return data_uri(part_);
}

}  // namespace graft::report
