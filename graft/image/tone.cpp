#include <algorithm>
#include <array>
#include <cmath>

#include "graft/base/error.h"
#include "graft/image/color.h"

namespace graft::image {
namespace {

using Table = std::array<uint8_t, 256>;
using Histogram = std::array<int64_t, 256>;

template <typename Function>
Table table_of(Function&& function) {
  Table table{};
  for (int value = 0; value < 256; ++value) {
    table[static_cast<size_t>(value)] = static_cast<uint8_t>(function(value));
  }
  return table;
}

Image look_up(Image image, const Table& table) {
  for (auto& sample : image.pixels) sample = table[sample];
  return image;
}

Image look_up(Image image, const std::array<Table, 3>& tables) {
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    for (size_t c = 0; c < 3; ++c) image.pixels[i + c] = tables[c][image.pixels[i + c]];
  }
  return image;
}

std::array<Histogram, 3> histograms(const Image& image) {
  std::array<Histogram, 3> counts{};
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    for (size_t c = 0; c < 3; ++c) ++counts[c][image.pixels[i + c]];
  }
  return counts;
}

int lowest(const Histogram& counts) {
  return static_cast<int>(std::ranges::find_if(counts, [](int64_t n) { return n > 0; }) -
                          counts.begin());
}

int highest(const Histogram& counts) {
  int value = 255;
  while (value > 0 && counts[static_cast<size_t>(value)] == 0) --value;
  return value;
}

Table stretch(const Histogram& counts) {
  const int low = lowest(counts), high = highest(counts);
  if (high <= low) return table_of([](int value) { return value; });
  const double scale = 255.0 / (high - low);
  const double offset = -low * scale;
  return table_of(
      [&](int value) { return std::clamp(static_cast<int>(value * scale + offset), 0, 255); });
}

Table even_out(const Histogram& counts) {
  const int low = lowest(counts), high = highest(counts);
  int64_t total = 0;
  for (const int64_t n : counts) total += n;
  const int64_t step = (total - counts[static_cast<size_t>(high)]) / 255;
  if (high <= low || step == 0) return table_of([](int value) { return value; });
  int64_t sum = step / 2;
  return table_of([&](int value) {
    const int64_t level = sum / step;
    sum += counts[static_cast<size_t>(value)];
    return std::min<int64_t>(level, 255);
  });
}

}  // namespace

Image posterize(Image image, int bits) {
  GRAFT_ASSERT(bits >= 1 && bits <= 8);
  const int mask = 256 - (1 << (8 - bits));
  return look_up(std::move(image), table_of([&](int value) { return value & mask; }));
}

Image solarize(Image image, double threshold) {
  return look_up(std::move(image),
                 table_of([&](int value) { return value < threshold ? value : 255 - value; }));
}

Image invert(Image image) {
  return look_up(std::move(image), table_of([](int value) { return 255 - value; }));
}

Image autocontrast(Image image) {
  const auto counts = histograms(image);
  return look_up(std::move(image), {stretch(counts[0]), stretch(counts[1]), stretch(counts[2])});
}

Image equalize(Image image) {
  const auto counts = histograms(image);
  return look_up(std::move(image), {even_out(counts[0]), even_out(counts[1]), even_out(counts[2])});
}

}  // namespace graft::image
