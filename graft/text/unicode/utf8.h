#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace graft::texts {

/// A character that was read: the code point and how many bytes it took.
struct Utf8Char {
  char32_t code;
  uint32_t bytes;
};

/// Bytes of the character that begins with `lead`, in valid UTF-8.
inline uint32_t utf8_length(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/// The character at `at` of valid UTF-8; `at` must be the first byte of one.
inline Utf8Char utf8_at(std::string_view text, size_t at) {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data()) + at;
  if (p[0] < 0x80) return {p[0], 1};
  if (p[0] < 0xe0) return {(p[0] & 0x1fU) << 6 | (p[1] & 0x3fU), 2};
  if (p[0] < 0xf0) return {(p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU), 3};
  return {(p[0] & 0x07U) << 18 | (p[1] & 0x3fU) << 12 | (p[2] & 0x3fU) << 6 | (p[3] & 0x3fU), 4};
}

/// The character that ends before `end` > 0 of valid UTF-8.
Utf8Char utf8_before(std::string_view text, size_t end);

/// Appends the UTF-8 form of a code point.
void append_utf8(std::string& text, char32_t code);
std::string to_utf8(char32_t code);
uint32_t utf8_size(char32_t code);
/// Number of characters in valid UTF-8.
size_t count_characters(std::string_view text);

bool is_valid_utf8(std::string_view bytes);

/// Text made valid, and where its bytes came from.
struct RepairedText {
  std::string text;
  /// For each byte of `text` and its end, the offset in the input; empty when nothing was changed.
  std::vector<uint32_t> source;
};
/// Every maximal part of an ill-formed sequence becomes U+FFFD (Unicode 15, section 3.9, "best
/// practice"), which is what Python's bytes.decode(errors="replace") and browsers do.
RepairedText repair_utf8(std::string_view bytes);

}  // namespace graft::texts
