#include "graft/image/resize_linear.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "graft/base/error.h"

namespace graft::image {
namespace {

constexpr float kOne = 2048;  // OpenCV's weights have 11 bits

/// The two inputs of an output pixel and their weights, which sum to kOne.
struct Pair {
  int first = 0, second = 0;
  int first_weight = 0, second_weight = 0;
};

/// `clamps`: at the borders a single pixel has all the weight (OpenCV's columns); else both inputs
/// are the same one (its rows).
std::vector<Pair> pairs_of(int in, int out, bool clamps) {
  const double scale = 1.0 / (static_cast<double>(out) / in);
  std::vector<Pair> pairs(static_cast<size_t>(out));
  for (int i = 0; i < out; ++i) {
    const auto position = static_cast<float>((i + 0.5) * scale - 0.5);
    const int first = static_cast<int>(std::floor(position));
    float rest = position - static_cast<float>(first);
    if (clamps && (first < 0 || first >= in - 1)) rest = 0;
    pairs[static_cast<size_t>(i)] = {std::clamp(first, 0, in - 1), std::clamp(first + 1, 0, in - 1),
                                     static_cast<int>(std::nearbyint((1 - rest) * kOne)),
                                     static_cast<int>(std::nearbyint(rest * kOne))};
  }
  return pairs;
}

/// One row at its new width, in units of 1 / kOne.
void stretch(const uint8_t* row, const std::vector<Pair>& columns, int* out) {
  for (const Pair& p : columns) {
    const uint8_t* a = row + static_cast<ptrdiff_t>(p.first) * 3;
    const uint8_t* b = row + static_cast<ptrdiff_t>(p.second) * 3;
    for (int c = 0; c < 3; ++c) *out++ = a[c] * p.first_weight + b[c] * p.second_weight;
  }
}

}  // namespace

Image resize_linear(const Image& image, int width, int height) {
  GRAFT_ASSERT(!image.empty() && width > 0 && height > 0);
  if (width == image.width && height == image.height) return image;
  const auto columns = pairs_of(image.width, width, true);
  const auto rows = pairs_of(image.height, height, false);
  const size_t samples = static_cast<size_t>(width) * 3;
  Image result(width, height);
  std::vector<int> upper(samples), lower(samples);
  int in_upper = -1, in_lower = -1;  // the rows that lie there
  for (int y = 0; y < height; ++y) {
    const Pair& p = rows[static_cast<size_t>(y)];
    if (in_upper != p.first && in_lower == p.first) {
      std::swap(upper, lower);
      std::swap(in_upper, in_lower);
    }
    if (in_upper != p.first) stretch(image.at(0, in_upper = p.first), columns, upper.data());
    if (in_lower != p.second) stretch(image.at(0, in_lower = p.second), columns, lower.data());
    uint8_t* out = result.at(0, y);
    for (size_t i = 0; i < samples; ++i) {
      // OpenCV's vector loops drop these bits in this order.
      const int sum =
          ((p.first_weight * (upper[i] >> 4)) >> 16) + ((p.second_weight * (lower[i] >> 4)) >> 16);
      out[i] = static_cast<uint8_t>((sum + 2) >> 2);
    }
  }
  return result;
}

}  // namespace graft::image
