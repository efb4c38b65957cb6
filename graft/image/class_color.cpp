#include "graft/image/class_color.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace graft::image {
namespace {

using Linear = std::array<double, 3>;

/// Oklab with polar coordinates (Ottosson 2020) as linear sRGB; outside of 0 to 1 where the screen
/// has no such colour.
Linear from_oklch(double lightness, double chroma, double hue) {
  const double a = chroma * std::cos(hue);
  const double b = chroma * std::sin(hue);
  const auto cube = [](double v) { return v * v * v; };
  const double l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
  const double m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
  const double s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

bool on_screen(const Linear& color) {
  return std::all_of(color.begin(), color.end(), [](double v) { return v >= 0 && v <= 1; });
}

uint8_t encoded(double v) {
  const double bent = v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
  return static_cast<uint8_t>(std::lround(std::clamp(bent, 0.0, 1.0) * 255));
}

double decoded(uint8_t v) {
  const double x = v / 255.0;
  return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
}

}  // namespace

Color class_color(int label) {
  // Steps of the golden angle never come back to a hue; lightness tells apart those that are near.
  constexpr double kStep = 1 / std::numbers::phi;
  constexpr double kFirst = 0.07;  // a red
  constexpr std::array<double, 3> kLightness = {0.66, 0.82, 0.52};
  const double turn = kFirst + kStep * label;
  const double hue = 2 * std::numbers::pi * (turn - std::floor(turn));
  const double lightness = kLightness[static_cast<size_t>(label) % kLightness.size()];
  double chroma = 0.25;
  while (!on_screen(from_oklch(lightness, chroma, hue))) chroma -= 0.005;
  const Linear color = from_oklch(lightness, chroma, hue);
  return {encoded(color[0]), encoded(color[1]), encoded(color[2])};
}

double luminance(Color color) {
  return 0.2126 * decoded(color.red) + 0.7152 * decoded(color.green) + 0.0722 * decoded(color.blue);
}

Color ink_on(Color ground) {
  const double light = luminance(ground) + 0.05;
  return light / 0.05 > 1.05 / light ? kBlack : kWhite;
}

}  // namespace graft::image
