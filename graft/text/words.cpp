#include "graft/text/words.h"

#include <algorithm>

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

}  // namespace graft::texts
