#pragma once

#include <string>
#include <string_view>

namespace graft::texts {

/// What Unicode got after the versions that ICU 72 (Unicode 15.0) and Oniguruma 6.9.8 (14.0) of
/// Debian know, and that the `tokenizers` package knows. Made by
/// tests/golden/tokenizers/make_unicode.py.

/// Word characters and numbers that are unassigned for ICU 72.
bool in_newer_words(char32_t c);
bool in_newer_numbers(char32_t c);
/// The lower-case form of a letter that ICU 72 does not know; else `c` itself.
char32_t newer_lower(char32_t c);

/// The stand-in of a character that Oniguruma 6.9.8 takes for unassigned; else `c` itself.
char32_t older_like(char32_t c);

/// Puts an older character of the same category and length in place of each one that Oniguruma
/// 6.9.8 takes for unassigned, so that patterns of categories match it. Returns false when there
/// was none, `out` then being untouched.
bool stand_in_for_newer(std::string_view text, std::string& out);

}  // namespace graft::texts
