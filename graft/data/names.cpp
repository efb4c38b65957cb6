#include "graft/data/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace graft::data {

size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80                     ? 1
                        : first >= 0xC2 && first < 0xE0  ? 2
                        : first >= 0xE0 && first < 0xF0  ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (length < 3) return length;
  // Overlong forms, surrogates, and what is above U+10FFFF.
  const unsigned char second = byte(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return length;
}

std::string printable(std::string_view raw) {
  std::string text;
  while (!raw.empty()) {
    const size_t length = utf8_length(raw);
    const auto first = static_cast<unsigned char>(raw[0]);
    if (length == 0 || first < 0x20 || first == 0x7F) {
      text += fmt::format("\\x{:02x}", first);
      raw.remove_prefix(1);
    } else {
      text += raw.substr(0, length);
      raw.remove_prefix(length);
    }
  }
  return text;
}

std::string extension_of(std::string_view path) {
  const size_t dot = path.rfind('.');
  const size_t slash = path.rfind('/');
  if (dot == std::string_view::npos || (slash != std::string_view::npos && dot < slash)) return "";
  std::string extension(path.substr(dot + 1));
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

bool has_image_extension(std::string_view path) {
  static constexpr std::array<std::string_view, 6> kKnown = {"jpg",  "jpeg", "jpe",
                                                             "jfif", "png",  "webp"};
  return std::find(kKnown.begin(), kKnown.end(), extension_of(path)) != kKnown.end();
}

void sort_names(std::vector<std::string>& names) {
  const bool numeric = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return !name.empty() && name.size() <= 18 &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); });
  });
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    const int64_t difference = numeric ? std::stoll(a) - std::stoll(b) : 0;
    return difference != 0 ? difference < 0 : a < b;
  });
}

void sort_tags(std::vector<std::string>& tags) {
  sort_names(tags);
  const auto outside = std::find(tags.begin(), tags.end(), "O");
  if (outside != tags.end()) std::rotate(tags.begin(), outside, outside + 1);
}

std::string join_some(const std::vector<std::string>& names, size_t most) {
  std::string text;
  for (size_t i = 0; i < std::min(most, names.size()); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > most) text += fmt::format(" and {} more", names.size() - most);
  return text;
}

std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

}  // namespace graft::data
