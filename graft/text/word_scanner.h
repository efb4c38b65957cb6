#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graft/text/regex.h"

namespace graft::texts {

/// The patterns by which most byte-level tokenizers split, each as code that finds what Oniguruma
/// finds, ten times as fast; a test compares both.
enum class WordPattern {
  gpt2,      ///< GPT-2, RoBERTa, OPT, ... (Radford et al. 2019)
  cl100k,    ///< GPT-4's, with up to three digits a piece: Llama 3
  one_digit  ///< the same with single digits: Qwen 2
};

/// The scanner for a pattern spelled as its makers spell it.
std::optional<WordPattern> scanner_for(const std::string& pattern);
/// How it is spelled.
const char* pattern_text(WordPattern pattern);

/// Appends the matches, which cover `text` without gaps.
void scan_words(std::string_view text, WordPattern pattern, std::vector<Match>& words);

}  // namespace graft::texts
