#include "graft/text/chat/jinja/unicode.h"

#include <algorithm>
#include <cstdint>

namespace graft::texts::jinja {
namespace {

constexpr char32_t kNotUtf8 = 0xDC00;  // lone surrogates stand for stray bytes, as in Python

unsigned char byte_at(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

}  // namespace

CodePoint decode(std::string_view text, size_t at) {
  const unsigned char first = byte_at(text, at);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return {kNotUtf8 + first, 1};
  char32_t value = first & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    const unsigned char next = byte_at(text, at + i);
    if ((next & 0xC0) != 0x80) return {kNotUtf8 + first, 1};
    value = (value << 6) | (next & 0x3F);
  }
  const bool too_long = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (too_long || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
    return {kNotUtf8 + first, 1};
  return {value, length};
}

void encode(char32_t value, std::string& out) {
  const auto push = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (value < 0x80) {
    push(value);
  } else if (value < 0x800) {
    push(0xC0 | (value >> 6));
    push(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    push(0xE0 | (value >> 12));
    push(0x80 | ((value >> 6) & 0x3F));
    push(0x80 | (value & 0x3F));
  } else {
    push(0xF0 | (value >> 18));
    push(0x80 | ((value >> 12) & 0x3F));
    push(0x80 | ((value >> 6) & 0x3F));
    push(0x80 | (value & 0x3F));
  }
}

bool is_utf8(std::string_view text, size_t* bad) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    if (point.value >= 0xD800 && point.value < 0xE000) {
      if (bad != nullptr) *bad = at;
      return false;
    }
    at += point.bytes;
  }
  return true;
}

size_t count_characters(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += decode(text, at).bytes) ++count;
  return count;
}

size_t byte_of_character(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += decode(text, at).bytes;
  return at;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char32_t c) {
  if (is_cased(c)) return true;
  // The scripts without case, from Hebrew on, as blocks.
  const bool symbols = (c >= 0x2000 && c < 0x2C00) || (c >= 0x3000 && c < 0x3041) ||
                       (c >= 0xE000 && c < 0xF900) || (c >= 0xFF00 && c < 0xFF66) || c >= 0x1F000;
  const bool more_han = c >= 0x20000 && c < 0x40000;
  return more_han || (c >= 0x5D0 && !symbols && is_printable(c));
}

bool is_printable(char32_t c) {
  struct Range {
    char32_t first, last;
  };
  // Control, format, separators other than the blank, surrogates, private use, noncharacters.
  static constexpr Range kHidden[] = {
      {0, 0x1F},          {0x7F, 0xA0},        {0xAD, 0xAD},       {0x600, 0x605},
      {0x61C, 0x61C},     {0x6DD, 0x6DD},      {0x70F, 0x70F},     {0x890, 0x891},
      {0x8E2, 0x8E2},     {0x1680, 0x1680},    {0x180E, 0x180E},   {0x2000, 0x200F},
      {0x2028, 0x202F},   {0x205F, 0x206F},    {0x3000, 0x3000},   {0xD800, 0xF8FF},
      {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB},    {0xFFFE, 0xFFFF},   {0x110BD, 0x110BD},
      {0x110CD, 0x110CD}, {0x13430, 0x1343F},  {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
      {0xE0000, 0xE00FF}, {0xE01F0, 0x10FFFF},
  };
  const auto* range =
      std::lower_bound(std::begin(kHidden), std::end(kHidden), c,
                       [](const Range& r, char32_t value) { return r.last < value; });
  return range == std::end(kHidden) || c < range->first;
}

}  // namespace graft::texts::jinja
