#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace graft::texts::jinja {

/// One character of UTF-8 text. Bytes that are not UTF-8 count as characters of one byte each.
struct CodePoint {
  char32_t value = 0;
  size_t bytes = 1;
};

/// The character that starts at byte `at` (which must be inside).
CodePoint decode(std::string_view text, size_t at);
void encode(char32_t value, std::string& out);
/// Whether all of it is well-formed UTF-8; `bad` receives the first byte that is not.
bool is_utf8(std::string_view text, size_t* bad = nullptr);

/// Number of characters.
size_t count_characters(std::string_view text);
/// Byte at which character number `index` starts; the length when there are fewer.
size_t byte_of_character(std::string_view text, size_t index);

/// What Python's str.isspace, isdigit, isalpha and isprintable say (isprintable without the
/// unassigned code points, isalpha by the case tables and the larger alphabets).
bool is_space(char32_t value);
bool is_digit(char32_t value);
bool is_letter(char32_t value);
bool is_printable(char32_t value);

/// Simple case mapping (one character to one) of Unicode 15, and `ß` to `SS`.
void append_upper(char32_t value, std::string& out);
char32_t to_lower(char32_t value);
/// Whether it has another form in the other case.
bool is_cased(char32_t value);

}  // namespace graft::texts::jinja
