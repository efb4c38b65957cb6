#include "graft/image/affine.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <numbers>

#include "graft/base/error.h"
#include "graft/image/resize.h"

namespace graft::image {
namespace {

int cell(double position) {
  return position < 0 ? -1 : static_cast<int>(position);
}
int floor_of(double value) {
  return static_cast<int>(std::floor(value));
}

Image filled(const Image& like, const Colour& fill) {
  Image result(like.width, like.height);
  if (fill == Colour{}) return result;
  for (size_t i = 0; i < result.pixels.size(); ++i) result.pixels[i] = fill[i % 3];
  return result;
}

/// Positions are added up step by step, as Pillow does where the axes stay parallel.
Image scale_and_shift(const Image& in, const AffineMatrix& m, const Colour& fill) {
  Image out = filled(in, fill);
  std::vector<int> columns(static_cast<size_t>(out.width));
  double position = m[2] + m[0] * 0.5;
  for (int& column : columns) column = cell(position), position += m[0];
  position = m[5] + m[4] * 0.5;
  for (int y = 0; y < out.height; ++y, position += m[4]) {
    const int row = cell(position);
    if (row < 0 || row >= in.height) continue;
    for (int x = 0; x < out.width; ++x) {
      const int column = columns[static_cast<size_t>(x)];
      if (column >= 0 && column < in.width) std::memcpy(out.at(x, y), in.at(column, row), 3);
    }
  }
  return out;
}

/// 16.16 fixed point: what Pillow uses as long as every corner fits.
Image nearest_fixed(const Image& in, const AffineMatrix& m, const Colour& fill) {
  const auto fix = [](double value) {
    return static_cast<int64_t>(std::floor(value * 65536.0 + 0.5));
  };
  const int64_t step_x[2] = {fix(m[0]), fix(m[3])}, step_y[2] = {fix(m[1]), fix(m[4])};
  int64_t start[2] = {fix(m[2] + m[0] * 0.5 + m[1] * 0.5), fix(m[5] + m[3] * 0.5 + m[4] * 0.5)};
  Image out = filled(in, fill);
  for (int y = 0; y < out.height; ++y) {
    int64_t at_x = start[0], at_y = start[1];
    uint8_t* pixel = out.at(0, y);
    for (int x = 0; x < out.width; ++x, pixel += 3) {
      const int64_t column = at_x >> 16, row = at_y >> 16;
      if (column >= 0 && column < in.width && row >= 0 && row < in.height) {
        std::memcpy(pixel, in.at(static_cast<int>(column), static_cast<int>(row)), 3);
      }
      at_x += step_x[0], at_y += step_x[1];
    }
    start[0] += step_y[0], start[1] += step_y[1];
  }
  return out;
}

Image nearest_float(const Image& in, const AffineMatrix& m, const Colour& fill) {
  Image out = filled(in, fill);
  double start_x = m[2] + m[1] * 0.5 + m[0] * 0.5, start_y = m[5] + m[4] * 0.5 + m[3] * 0.5;
  for (int y = 0; y < out.height; ++y, start_x += m[1], start_y += m[4]) {
    double at_x = start_x, at_y = start_y;
    for (int x = 0; x < out.width; ++x, at_x += m[0], at_y += m[3]) {
      if (at_x < 0 || at_x >= in.width || at_y < 0 || at_y >= in.height) continue;
      std::memcpy(out.at(x, y), in.at(static_cast<int>(at_x), static_cast<int>(at_y)), 3);
    }
  }
  return out;
}

void bilinear_at(const Image& in, double at_x, double at_y, uint8_t* out) {
  at_x -= 0.5, at_y -= 0.5;
  const int x = floor_of(at_x), y = floor_of(at_y);
  const double right = at_x - x, down = at_y - y;
  const int x0 = std::clamp(x, 0, in.width - 1), x1 = std::clamp(x + 1, 0, in.width - 1);
  const int y0 = std::clamp(y, 0, in.height - 1), y1 = std::clamp(y + 1, 0, in.height - 1);
  const auto along = [&](int row, int c) {
    const double first = in.at(x0, row)[c];
    return first + (in.at(x1, row)[c] - first) * right;
  };
  for (int c = 0; c < 3; ++c) {
    const double top = along(y0, c);
    out[c] = static_cast<uint8_t>(top + (along(y1, c) - top) * down);
  }
}

Image bilinear(const Image& in, const AffineMatrix& m, const Colour& fill) {
  Image out = filled(in, fill);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      const double at_x = m[0] * (x + 0.5) + m[1] * (y + 0.5) + m[2];
      const double at_y = m[3] * (x + 0.5) + m[4] * (y + 0.5) + m[5];
      if (at_x < 0 || at_x >= in.width || at_y < 0 || at_y >= in.height) continue;
      bilinear_at(in, at_x, at_y, out.at(x, y));
    }
  }
  return out;
}

/// Python's round(value, 15), which makes the cosine of a quarter turn exactly 0.
double round_to_15_digits(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 15);
  double result = value;
  std::from_chars(text, end.ptr, result);
  return result;
}

}  // namespace

Image affine(const Image& image, const AffineMatrix& matrix, Filter filter, const Colour& fill) {
  GRAFT_ASSERT(filter == Filter::nearest || filter == Filter::bilinear);
  if (filter == Filter::bilinear) return bilinear(image, matrix, fill);
  if (matrix[1] == 0 && matrix[3] == 0) return scale_and_shift(image, matrix, fill);
  const auto fits = [&](double x, double y) {
    constexpr double kLimit = 32768;
    return std::abs(x * matrix[0] + y * matrix[1] + matrix[2]) < kLimit &&
           std::abs(x * matrix[3] + y * matrix[4] + matrix[5]) < kLimit;
  };
  const double w = image.width, h = image.height;
  const bool fixed = fits(0, 0) && fits(w, h) && fits(0, h) && fits(w, 0);
  return fixed ? nearest_fixed(image, matrix, fill) : nearest_float(image, matrix, fill);
}

Image rotate(const Image& image, double degrees, Filter filter, const Colour& fill) {
  GRAFT_ASSERT(std::isfinite(degrees));
  double angle = std::fmod(degrees, 360.0);
  if (angle < 0) angle += 360.0;
  if (angle == 0) return image;
  if (angle == 180) return hflip(vflip(image));
  if (image.width == image.height && angle == 90) return vflip(transpose(image));
  if (image.width == image.height && angle == 270) return hflip(transpose(image));

  const double radians = -angle * (std::numbers::pi / 180);
  const double cosine = round_to_15_digits(std::cos(radians));
  const double sine = round_to_15_digits(std::sin(radians));
  const double x = image.width / 2.0, y = image.height / 2.0;
  return affine(
      image,
      {cosine, sine, cosine * -x + sine * -y + x, -sine, cosine, -sine * -x + cosine * -y + y},
      filter, fill);
}

AffineMatrix shear_matrix(double slope_x, double slope_y) {
  // torchvision goes through degrees; the last bits of its matrix are kept.
  const auto radians = [](double slope) {
    return std::atan(slope) * (180 / std::numbers::pi) * (std::numbers::pi / 180);
  };
  const double sx = radians(slope_x), sy = radians(slope_y);
  const double a = std::cos(-sy) / std::cos(sy);
  const double b = -(a * std::tan(sx));
  const double c = std::sin(-sy) / std::cos(sy);
  const double d = 1 - c * std::tan(sx);
  return {d, -b, 0, -c, a, 0};
}

AffineMatrix translate_matrix(int right, int down) {
  return {1, 0, -static_cast<double>(right), 0, 1, -static_cast<double>(down)};
}

}  // namespace graft::image
