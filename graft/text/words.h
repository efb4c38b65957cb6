#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace graft::texts {

/// A word and the white space behind it; white space before the first word belongs to that.
struct Word {
  std::string text, space;
};

/// Cut at ASCII white space; `join` of the result is the text again.
std::vector<Word> split_words(std::string_view text);
std::string join(const std::vector<Word>& words);

}  // namespace graft::texts
