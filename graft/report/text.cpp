#include "graft/report/text.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <iterator>

#include "graft/base/units.h"

namespace graft::report {
namespace {

constexpr const char* kNarrowBlank = "\u202f";

/// Length of the valid UTF-8 sequence at the start of `text`, 0 when there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

std::string group_digits(std::string digits) {
  const size_t first = digits.find_first_of("0123456789");
  size_t at = digits.find('.');
  if (at == std::string::npos) at = digits.size();
  if (at < first + 5) return digits;
  while (at > first + 3) {
    at -= 3;
    digits.insert(at, kNarrowBlank);
  }
  return digits;
}

}  // namespace

std::string show_number(double value, int digits) {
  if (!std::isfinite(value)) return kUnknown;
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size < 1e-4 || size >= 1e6) return fmt::format("{:.{}e}", value, digits - 1);
  const int decimals = std::max(0, digits - 1 - static_cast<int>(std::floor(std::log10(size))));
  return group_digits(fmt::format("{:.{}f}", value, decimals));
}

std::string show_fixed(double value, int decimals) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, decimals) : kUnknown;
}

std::string show_percent(double fraction) {
  if (!std::isfinite(fraction)) return kUnknown;
  const double percent = fraction * 100;
  const std::string digits = fmt::format("{:.1f}", percent);
  return (digits == "-0.0" ? "0.0" : digits) + " %";
}

std::string show_whole(double value) {
  return std::isfinite(value) ? group_digits(fmt::format("{:.0f}", value)) : kUnknown;
}

std::string show_measure(const Measure& measure) {
  if (!measure.low || !measure.high) return show_number(measure.value);
  return fmt::format("{} [{}, {}]", show_number(measure.value), show_number(*measure.low),
                     show_number(*measure.high));
}

std::string seconds_or_unknown(double value) {
  return std::isfinite(value) ? show_seconds(value) : kUnknown;
}
std::string bytes_or_unknown(double value) {
  if (!std::isfinite(value)) return kUnknown;
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (std::abs(value) >= 1023.5 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  const int decimals = unit == 0 || std::abs(value) >= 100 ? 0 : std::abs(value) >= 10 ? 1 : 2;
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit]);
}
std::string count_or_unknown(double value) {
  return std::isfinite(value) ? show_count(value) : kUnknown;
}

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    const char c = text.front();
    const bool control = (static_cast<uint8_t>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
    if (length == 0 || control)
      out += "\uFFFD";
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string shorten(std::string_view text, size_t length) {
  std::string out;
  size_t count = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (++count > length) {
      // The ellipsis takes the place of the last character that fitted.
      while (!out.empty() && (static_cast<uint8_t>(out.back()) & 0xC0) == 0x80) out.pop_back();
      if (!out.empty()) out.pop_back();
      return out + "…";
    }
    const size_t bytes = std::max<size_t>(1, sequence_length(rest));
    out += rest.substr(0, bytes);
    rest.remove_prefix(bytes);
  }
  return out;
}

size_t text_width(std::string_view text) {
  size_t width = 0;
  for (const char c : text) width += (static_cast<uint8_t>(c) & 0xC0) != 0x80 ? 1 : 0;
  return width;
}

}  // namespace graft::report
