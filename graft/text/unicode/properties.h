#pragma once

#include <vector>

namespace graft::texts {

/// Character properties as the `tokenizers` package (0.23) sees them. It mixes libraries of
/// different age: general categories of Unicode 8 (crate unicode_categories), marks and
/// normalisation of Unicode 9 (unicode-normalization-alignments), letter case, digits and word
/// characters of Unicode 16 and 17 (Rust's standard library and regex). ICU answers, restricted to
/// what was assigned then or widened by the tables of newer.h; tests compare every code point.

/// White_Space.
bool is_space(char32_t c);
/// General category N*.
bool is_numeric(char32_t c);
/// \w of UTS 18: letters, marks, decimal digits, connectors, joiners.
bool is_word(char32_t c);
/// ASCII punctuation (symbols too), or general category P* of Unicode 8.
bool is_punctuation(char32_t c);
/// General category Cc, Cf or Co of Unicode 8.
bool is_control(char32_t c);
/// General category Mn of Unicode 8: what BERT strips after decomposition.
bool is_nonspacing_mark(char32_t c);
/// General category M* of Unicode 9: what StripAccents removes.
bool is_combining_mark(char32_t c);
/// The CJK blocks that BERT separates.
bool is_cjk(char32_t c);

/// Appends the full lower-case form without context: one character, or two for U+0130.
void append_lower(char32_t c, std::vector<char32_t>& out);

/// A number for the script of Unicode 9 (ICU's UScriptCode); -1 where there was none.
int script_of(char32_t c);
/// ICU's number of Common, Han, Hiragana, Katakana.
inline constexpr int kScriptHan = 17;
inline constexpr int kScriptHiragana = 20;
inline constexpr int kScriptKatakana = 22;

/// Whether the code point was assigned in Unicode `major`.`minor` already.
bool assigned_in(char32_t c, int major, int minor);

}  // namespace graft::texts
