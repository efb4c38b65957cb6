#include "graft/base/units.h"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "graft/base/error.h"

namespace graft {
namespace {

/// Splits "1.5GiB" into 1.5 and "GiB" and moves on; false at the end or when no number is there.
bool next_part(const char*& at, double& number, std::string& unit) {
  while (*at == ' ') ++at;
  if (!std::isdigit(static_cast<unsigned char>(*at)) && *at != '.') return false;
  char* end = nullptr;
  number = std::strtod(at, &end);
  if (end == at) return false;
  at = end;
  while (*at == ' ') ++at;
  unit.clear();
  while (std::isalpha(static_cast<unsigned char>(*at))) {
    unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*at++)));
  }
  return true;
}

}  // namespace

double parse_seconds(const Json& value, const std::string& where) {
  if (value.is_number()) {
    if (value.get<double>() > 0) return value.get<double>();
  } else if (value.is_string()) {
    const std::string text = value.get<std::string>();
    const char* at = text.c_str();
    double total = 0;
    double number = 0;
    std::string unit;
    bool good = !text.empty();
    while (good && *at) {
      good = next_part(at, number, unit);
      if (!good) break;
      if (unit == "h")
        total += number * 3600;
      else if (unit == "m" || unit == "min")
        total += number * 60;
      else if (unit == "s" || unit.empty())
        total += number;
      else if (unit == "ms")
        total += number / 1000;
      else
        good = false;
    }
    if (good && total > 0 && std::isfinite(total)) return total;
  }
  fail_usage("{}: expected a time such as 10m, 1h30m, 45s or a number of seconds, got {}", where,
             value.dump());
}

int64_t parse_bytes(const Json& value, const std::string& where) {
  if (value.is_number()) {
    if (value.get<double>() >= 1 && value.get<double>() < 9e18)
      return static_cast<int64_t>(value.get<double>());
  } else if (value.is_string()) {
    const std::string text = value.get<std::string>();
    const char* at = text.c_str();
    double number = 0;
    std::string unit;
    if (next_part(at, number, unit) && !*at) {
      static constexpr std::pair<const char*, double> kUnits[] = {
          {"", 1},         {"b", 1},      {"k", 0x1p10},   {"kb", 1e3},    {"kib", 0x1p10},
          {"m", 0x1p20},   {"mb", 1e6},   {"mib", 0x1p20}, {"g", 0x1p30},  {"gb", 1e9},
          {"gib", 0x1p30}, {"t", 0x1p40}, {"tb", 1e12},    {"tib", 0x1p40}};
      for (const auto& [name, factor] : kUnits) {
        if (unit == name && number * factor >= 1 && number * factor < 9e18) {
          return static_cast<int64_t>(number * factor);
        }
      }
    }
  }
  fail_usage("{}: expected a size such as 2GiB, 512MB or a number of bytes, got {}", where,
             value.dump());
}

std::string show_seconds(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(std::lround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02d} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02d} min", whole / 3600, whole % 3600 / 60);
}

std::string show_bytes(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (std::abs(bytes) >= 1024 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.2f} {}", bytes, units[unit]);
}

std::string show_count(double count) {
  const char* units[] = {"", " k", " M", " G", " T", " P"};
  size_t unit = 0;
  while (std::abs(count) >= 1000 && unit + 1 < std::size(units)) {
    count /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f}", count) : fmt::format("{:.3g}{}", count, units[unit]);
}

}  // namespace graft
