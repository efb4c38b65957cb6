#pragma once

#include <string_view>
#include <vector>

namespace graft::texts {

/// A character of a changed text and how it came about: 0 replaces the next old character, 1 is
/// inserted, -n replaces the next one and swallows n more.
struct Change {
  char32_t code;
  int change;
};

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// Normal forms of Unicode 9 (later characters stay as they are), with the account of changes that
/// the crate unicode-normalization-alignments gives: of a decomposition the first character
/// replaces and the others are inserted, also when reordering moves them; composing adds up.
void normalize(std::string_view text, NormalForm form, std::vector<Change>& out);

/// True when ASCII only, on which no form does anything.
bool is_ascii(std::string_view text);

}  // namespace graft::texts
