#include "graft/image/resample_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "graft/base/error.h"

namespace graft::image::detail {
namespace {

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double hamming(double x) {
  x = std::abs(x);
  if (x == 0) return 1;
  if (x >= 1) return 0;
  x *= std::numbers::pi;
  // Pillow's constants are single precision.
  return std::sin(x) / x * (0.54f + 0.46f * std::cos(x));
}

/// Keys 1981 with a = -0.5.
double bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0;
}

double value(Filter filter, double x) {
  switch (filter) {
    case Filter::box:
      return x > -0.5 && x <= 0.5 ? 1 : 0;
    case Filter::bilinear:
      return std::abs(x) < 1 ? 1 - std::abs(x) : 0;
    case Filter::hamming:
      return hamming(x);
    case Filter::bicubic:
      return bicubic(x);
    case Filter::lanczos:
      return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    case Filter::nearest:
      break;
  }
  return 0;
}

double support_of(Filter filter) {
  switch (filter) {
    case Filter::box:
      return 0.5;
    case Filter::bilinear:
    case Filter::hamming:
      return 1;
    case Filter::bicubic:
      return 2;
    case Filter::lanczos:
      return 3;
    case Filter::nearest:
      break;
  }
  return 0;
}

int half_up(double value) {
  value += 0.5;
  return static_cast<int>(value);
}

int32_t to_fixed(double weight) {
  return static_cast<int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kWeightBits));
}

}  // namespace

Weights make_weights(int in, int out, int from, int n, Filter filter) {
  GRAFT_ASSERT(in > 0 && out > 0 && from >= 0 && n > 0 && from <= out - n);
  const double scale = static_cast<double>(in) / out;
  const double spread = std::max(scale, 1.0);
  const double support = support_of(filter) * spread;
  const double to_filter = 1 / spread;

  Weights result;
  const int most = std::min(in, static_cast<int>(std::ceil(support)) * 2 + 1);
  result.taps = most + most % 2;
  result.first.resize(static_cast<size_t>(n));
  result.count.resize(static_cast<size_t>(n));
  result.weights.assign(static_cast<size_t>(n) * static_cast<size_t>(result.taps), 0);
  std::vector<double> raw(static_cast<size_t>(result.taps));
  for (int i = 0; i < n; ++i) {
    const double centre = (from + i + 0.5) * scale;
    const int begin = std::max(0, half_up(centre - support));
    const int end = std::min(in, half_up(centre + support));
    double sum = 0;
    for (int k = begin; k < end; ++k) {
      sum += raw[static_cast<size_t>(k - begin)] = value(filter, (k - centre + 0.5) * to_filter);
    }
    int32_t* weights = &result.weights[static_cast<size_t>(i) * static_cast<size_t>(result.taps)];
    for (int k = 0; k < end - begin; ++k) {
      const double weight = raw[static_cast<size_t>(k)];
      weights[k] = to_fixed(sum != 0 ? weight / sum : weight);
    }
    result.first[static_cast<size_t>(i)] = begin;
    result.count[static_cast<size_t>(i)] = end - begin;
  }
  return result;
}

}  // namespace graft::image::detail
