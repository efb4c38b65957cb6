#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graft/text/span.h"

namespace graft::texts {

/// A word and the white space behind it; white space before the first word belongs to that.
struct Word {
  std::string text, space;
};

/// Cut at ASCII white space; `join` of the result is the text again.
std::vector<Word> split_words(std::string_view text);
std::string join(const std::vector<Word>& words);

/// Where the words of a running text lie when each of them is to have a tag: what white space
/// separates, with punctuation and Chinese characters as words of their own (as BERT's basic
/// tokenizer has it). Of bytes that are no UTF-8 each stretch counts as a character of a word.
std::vector<Span> separate_words(std::string_view text);

}  // namespace graft::texts
