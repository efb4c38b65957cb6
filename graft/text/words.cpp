#include "graft/text/words.h"

#include <algorithm>

#include "graft/text/unicode/properties.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";

}  // namespace

std::vector<Word> split_words(std::string_view text) {
  std::vector<Word> words;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t start = std::min(text.find_first_not_of(kSpace, begin), text.size());
    const size_t end = std::min(text.find_first_of(kSpace, start), text.size());
    const size_t next = std::min(text.find_first_not_of(kSpace, end), text.size());
    // What stands before the first word goes with it.
    words.push_back(
        {std::string(text.substr(begin, end - begin)), std::string(text.substr(end, next - end))});
    begin = next;
  }
  return words;
}

std::string join(const std::vector<Word>& words) {
  std::string text;
  for (const Word& word : words) {
    text += word.text;
    text += word.space;
  }
  return text;
}

std::vector<Span> separate_words(std::string_view text) {
  RepairedText repaired;
  if (!is_valid_utf8(text)) {
    repaired = repair_utf8(text);
    text = repaired.text;
  }
  std::vector<Span> words;
  uint32_t begin = 0;
  const auto flush = [&](uint32_t end) {
    if (begin < end) words.push_back({begin, end});
  };
  for (uint32_t at = 0; at < text.size();) {
    const Utf8Char next = utf8_at(text, at);
    const bool space = is_space(next.code);
    if (space || is_punctuation(next.code) || is_cjk(next.code)) {
      flush(at);
      begin = at + next.bytes;
      if (!space) words.push_back({at, begin});
    }
    at += next.bytes;
  }
  flush(static_cast<uint32_t>(text.size()));
  if (repaired.source.empty()) return words;
  for (Span& word : words) word = {repaired.source[word.begin], repaired.source[word.end]};
  return words;
}

}  // namespace graft::texts
