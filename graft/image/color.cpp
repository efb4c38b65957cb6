#include "graft/image/color.h"

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"

namespace graft::image {
namespace {

uint8_t luma(const uint8_t* pixel) {
  // ITU-R 601 in 16-bit fixed point, rounded
  return static_cast<uint8_t>((pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >>
                              16);
}

/// Image.blend: single precision, cut off, never rounded.
uint8_t blend(int from, int to, float alpha) {
  const float value = static_cast<float>(from) + alpha * static_cast<float>(to - from);
  return static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

/// Blends every sample with the same one.
Image blend_with_flat(Image image, int flat, double factor) {
  uint8_t table[256];
  for (int value = 0; value < 256; ++value) {
    table[value] = blend(flat, value, static_cast<float>(factor));
  }
  for (auto& sample : image.pixels) sample = table[sample];
  return image;
}

uint8_t smooth(const uint8_t* above, const uint8_t* here, const uint8_t* below) {
  constexpr float kSide = 1.0f / 13, kMiddle = 5.0f / 13;
  const auto row = [](const uint8_t* p, float middle) {
    return static_cast<float>(p[-3]) * kSide + static_cast<float>(p[0]) * middle +
           static_cast<float>(p[3]) * kSide;
  };
  float sum = 0.5f;
  sum += row(below, kSide);
  sum += row(here, kMiddle);
  sum += row(above, kSide);
  return static_cast<uint8_t>(std::clamp(sum, 0.0f, 255.0f));
}

struct Hsv {
  uint8_t h, s, v;
};

Hsv to_hsv(const uint8_t* rgb) {
  const int r = rgb[0], g = rgb[1], b = rgb[2];
  const int high = std::max({r, g, b}), low = std::min({r, g, b});
  if (high == low) return {0, 0, static_cast<uint8_t>(high)};
  // The mixture of single and double precision is Pillow's; it decides the last bit.
  const auto range = static_cast<float>(high - low);
  const float saturation = range / static_cast<float>(high);
  const float red = static_cast<float>(high - r) / range;
  const float green = static_cast<float>(high - g) / range;
  const float blue = static_cast<float>(high - b) / range;
  float hue = r == high   ? blue - green
              : g == high ? static_cast<float>(2.0 + red - blue)
                          : static_cast<float>(4.0 + green - red);
  hue = static_cast<float>(std::fmod(hue / 6.0 + 1.0, 1.0));
  const auto byte = [](float x) {
    return static_cast<uint8_t>(std::clamp(static_cast<int>(x * 255.0), 0, 255));
  };
  return {byte(hue), byte(saturation), static_cast<uint8_t>(high)};
}

void to_rgb(Hsv hsv, uint8_t* rgb) {
  if (hsv.s == 0) {
    rgb[0] = rgb[1] = rgb[2] = hsv.v;
    return;
  }
  const double position = static_cast<float>(hsv.h) * 6.0 / 255.0;
  const int sector = static_cast<int>(std::floor(position));
  const auto fraction = static_cast<float>(position - static_cast<float>(sector));
  const auto saturation = static_cast<float>(static_cast<float>(hsv.s) / 255.0);
  const auto shade = [&](double x) {
    return static_cast<uint8_t>(std::clamp(static_cast<int>(std::round(hsv.v * x)), 0, 255));
  };
  const uint8_t v = hsv.v, p = shade(1.0 - saturation), q = shade(1.0 - saturation * fraction),
                t = shade(1.0 - saturation * (1.0 - fraction));
  const uint8_t sectors[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
  std::copy_n(sectors[sector % 6], 3, rgb);
}

}  // namespace

Image adjust_brightness(Image image, double factor) {
  return blend_with_flat(std::move(image), 0, factor);
}

Image adjust_contrast(Image image, double factor) {
  int64_t sum = 0;
  for (size_t i = 0; i < image.pixels.size(); i += 3) sum += luma(&image.pixels[i]);
  const size_t count = image.pixels.size() / 3;
  const double mean = static_cast<double>(sum) / static_cast<double>(count);
  return blend_with_flat(std::move(image), static_cast<int>(std::floor(mean + 0.5)), factor);
}

Image adjust_saturation(Image image, double factor) {
  const auto alpha = static_cast<float>(factor);
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    uint8_t* pixel = &image.pixels[i];
    const int grey = luma(pixel);
    for (int c = 0; c < 3; ++c) pixel[c] = blend(grey, pixel[c], alpha);
  }
  return image;
}

Image adjust_sharpness(const Image& image, double factor) {
  const auto alpha = static_cast<float>(factor);
  Image result = image;  // the border is not blurred
  const size_t row = static_cast<size_t>(image.width) * 3;
  for (int y = 1; y + 1 < image.height; ++y) {
    const uint8_t* in = image.at(0, y);
    uint8_t* out = result.at(0, y);
    for (size_t i = 3; i + 3 < row; ++i) {
      out[i] = blend(smooth(in + i - row, in + i, in + i + row), in[i], alpha);
    }
  }
  return result;
}

Image adjust_hue(Image image, double factor) {
  GRAFT_ASSERT(factor >= -0.5 && factor <= 0.5);
  const auto turn = static_cast<uint8_t>(static_cast<int>(factor * 255));
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    Hsv hsv = to_hsv(&image.pixels[i]);
    hsv.h = static_cast<uint8_t>(hsv.h + turn);
    to_rgb(hsv, &image.pixels[i]);
  }
  return image;
}

Image grayscale(Image image) {
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    uint8_t* pixel = &image.pixels[i];
    pixel[0] = pixel[1] = pixel[2] = luma(pixel);
  }
  return image;
}

}  // namespace graft::image
