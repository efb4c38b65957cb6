#include "graft/text/unicode/utf8.h"

#include <algorithm>

namespace graft::texts {
namespace {

struct Sequence {
  uint32_t bytes;  ///< of the character, or of the part to replace
  bool valid;
};

/// What begins at `at`, by the table of well-formed sequences (Unicode 15, table 3-7).
Sequence sequence_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) -> uint32_t {
    return at + i < text.size() ? static_cast<uint8_t>(text[at + i]) : 0;
  };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xc2 || lead > 0xf4) return {1, false};
  const uint32_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  uint32_t low = 0x80;
  uint32_t high = 0xbf;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  for (uint32_t i = 1; i < length; ++i) {
    if (byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {length, true};
}

/// Length of the valid beginning.
size_t valid_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Sequence next = sequence_at(text, at);
    if (!next.valid) return at;
    at += next.bytes;
  }
  return at;
}

}  // namespace

Utf8Char utf8_before(std::string_view text, size_t end) {
  size_t at = end - 1;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xc0U) == 0x80) --at;
  return utf8_at(text, at);
}

void append_utf8(std::string& text, char32_t code) {
  const auto put = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

std::string to_utf8(char32_t code) {
  std::string text;
  append_utf8(text, code);
  return text;
}

uint32_t utf8_size(char32_t code) {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<uint8_t>(c) & 0xc0U) != 0x80; }));
}

bool is_valid_utf8(std::string_view bytes) {
  return valid_prefix(bytes) == bytes.size();
}

RepairedText repair_utf8(std::string_view bytes) {
  RepairedText result;
  size_t at = valid_prefix(bytes);
  result.text.assign(bytes.substr(0, at));
  if (at == bytes.size()) return result;
  for (size_t i = 0; i < at; ++i) result.source.push_back(static_cast<uint32_t>(i));
  while (at < bytes.size()) {
    const Sequence next = sequence_at(bytes, at);
    if (next.valid) {
      result.text.append(bytes.substr(at, next.bytes));
      for (uint32_t i = 0; i < next.bytes; ++i)
        result.source.push_back(static_cast<uint32_t>(at + i));
    } else {
      result.text.append("\xef\xbf\xbd");
      result.source.insert(result.source.end(), 3, static_cast<uint32_t>(at));
    }
    at += next.bytes;
  }
  result.source.push_back(static_cast<uint32_t>(bytes.size()));
  return result;
}

}  // namespace graft::texts
