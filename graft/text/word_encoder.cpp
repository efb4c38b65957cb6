#include "graft/text/word_encoder.h"

#include <string>
#include <utility>
#include <vector>

namespace graft::texts {
namespace {

using Ids = std::vector<uint32_t>;

/// Whether a word within a text is spelled with the blank before it.
bool wants_blanks(const Tokenizer& tokenizer) {
  const auto ids = [&](std::string_view text) {
    return tokenizer.encode(text, {.ids_only = true, .bare = true}).ids;
  };
  const auto joined = [](Ids first, const Ids& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
  };
  const Ids text = ids("a b");
  return text != joined(ids("a"), ids("b")) && text == joined(ids("a"), ids(" b"));
}

}  // namespace

WordEncoder::WordEncoder(Preprocess preprocess)
    : preprocess_(std::move(preprocess)), puts_blanks_(wants_blanks(*preprocess_.tokenizer)) {}

Tokens WordEncoder::apply(std::string_view text, std::span<const Span> words) const {
  std::vector<std::string> own(puts_blanks_ ? words.size() : 0);
  std::vector<std::string_view> views;
  views.reserve(words.size());
  for (size_t i = 0; i < words.size(); ++i) {
    std::string_view word = text.substr(words[i].begin, words[i].end - words[i].begin);
    if (puts_blanks_ && !word.empty() && !word.starts_with(' ')) {
      own[i].reserve(word.size() + 1);
      own[i] += ' ';
      own[i] += word;
      word = own[i];
    }
    views.push_back(word);
  }
  const Encoding encoding = preprocess_.tokenizer->encode_words(views);
  Tokens tokens;
  tokens.ids.assign(encoding.ids.begin(), encoding.ids.end());
  tokens.types.assign(encoding.type_ids.begin(), encoding.type_ids.end());
  tokens.cut = !encoding.overflow.empty();
  int32_t last = Encoding::kNone;
  for (const int32_t word : encoding.words) {
    const bool begins = word != last && word != Encoding::kNone;
    tokens.words.push_back(begins ? word : -1);
    if (begins) last = word;
  }
  return tokens;
}

}  // namespace graft::texts
