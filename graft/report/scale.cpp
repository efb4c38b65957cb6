#include "graft/report/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace graft::report {
namespace {

struct Unit {
  double factor;
  const char* suffix;
};

Unit unit_for(double largest) {
  if (largest >= 1e13) return {1, ""};  // left to exponents
  if (largest >= 1e9) return {1e9, "G"};
  if (largest >= 1e6) return {1e6, "M"};
  if (largest >= 1e4) return {1e3, "k"};
  return {1, ""};
}

/// Decimals that tell neighbours apart.
int decimals_of(double step) {
  for (int decimals = 0; decimals < 12; ++decimals) {
    const double scaled = step * std::pow(10, decimals);
    if (std::abs(scaled - std::round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return 12;
}

std::string exponent_label(double value) {
  if (value == 0) return "0";
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
  const double unit = std::pow(10, exponent);
  return fmt::format("{:.{}f}e{}", value / unit, std::min(decimals_of(value / unit), 6), exponent);
}

std::string label(double value, double step, double largest) {
  // Longer ones would not fit beside an axis.
  const bool tiny = largest < 1e-3 || decimals_of(step) > 4;
  if (tiny || largest >= 1e13) return exponent_label(value);
  const Unit unit = unit_for(largest);
  const std::string digits =
      fmt::format("{:.{}f}", value / unit.factor, decimals_of(step / unit.factor));
  return value == 0 ? "0" : digits + unit.suffix;
}

bool usable(Range range) {
  const double span = range.high - range.low;
  const double size = std::max(std::abs(range.low), std::abs(range.high));
  // Below this the steps get lost in rounding.
  return std::isfinite(span) && span > size * 1e-10;
}

}  // namespace

std::vector<Tick> linear_ticks(Range range, int target) {
  if (!usable(range) || target < 1) return {};
  const double raw = (range.high - range.low) / target;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  if (!(power > 0)) return {};
  const double fraction = raw / power;
  const double step = power * (fraction < 1.5    ? 1
                               : fraction < 2.25 ? 2
                               : fraction < 3.5  ? 2.5
                               : fraction < 7.5  ? 5
                                                 : 10);
  const double slack = step * 1e-9;
  const double first = std::ceil((range.low - slack) / step);
  const double last = std::floor((range.high + slack) / step);
  const double largest = std::max(std::abs(first), std::abs(last)) * step;
  std::vector<Tick> found;
  for (int n = 0; n < 50 && first + n <= last; ++n) {
    const double i = first + n;
    const double value = i == 0 ? 0 : i * step;
    found.push_back({value, label(value, step, largest)});
  }
  return found;
}

std::vector<Tick> log_ticks(Range range, int target) {
  if (!(range.low > 0) || !usable(range) || target < 1) return {};
  const double decades = std::log10(range.high / range.low);
  if (decades < 1) return linear_ticks(range, target);
  const int first = static_cast<int>(std::floor(std::log10(range.low)));
  const int last = static_cast<int>(std::ceil(std::log10(range.high)));
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / (target + 1))));
  std::vector<Tick> found;
  for (int exponent = first; exponent <= last; ++exponent) {
    if (exponent % stride != 0) continue;
    for (const int factor : {1, 2, 5}) {
      if (factor != 1 && decades > target / 2.0) continue;
      const double value = factor * std::pow(10, exponent);
      if (value < range.low * (1 - 1e-9) || value > range.high * (1 + 1e-9)) continue;
      found.push_back({value, label(value, value, value)});
    }
  }
  return found;
}

std::vector<Tick> ticks(Scale scale, Range range, int target) {
  return scale == Scale::log ? log_ticks(range, target) : linear_ticks(range, target);
}

Range padded(Scale scale, Range range) {
  if (scale == Scale::log) {
    const double air = std::max(std::pow(range.high / range.low, 0.05), 1.05);
    return {range.low / air, range.high * air};
  }
  const double size = std::max(std::abs(range.low), std::abs(range.high));
  double air = (range.high - range.low) * 0.06;
  if (air <= size * 1e-6) air = size > 0 ? size * 0.1 : 1;
  const bool no_sign = range.low >= 0;
  return {no_sign ? std::max(0.0, range.low - air) : range.low - air, range.high + air};
}

double position(Scale scale, Range range, double value) {
  if (scale == Scale::log) return std::log(value / range.low) / std::log(range.high / range.low);
  return (value - range.low) / (range.high - range.low);
}

}  // namespace graft::report
