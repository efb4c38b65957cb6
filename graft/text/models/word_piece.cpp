#include "graft/text/models/word_piece.h"

#include <algorithm>

#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

struct Buffer : Scratch {
  std::string word;
};

class WordPiece : public Model {
 public:
  WordPiece(Vocabulary tokens, const WordPieceOptions& options)
      : Model(std::move(tokens)), options_(options), unknown_(vocabulary().id(options.unknown)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Buffer>(); }

  void tokenize(std::string_view piece, Scratch* scratch, std::vector<Token>& out) const override {
    const auto size = static_cast<uint32_t>(piece.size());
    if (piece.size() > options_.longest_word && count_characters(piece) > options_.longest_word) {
      out.push_back({required(), 0, size});
      return;
    }
    const size_t before = out.size();
    std::string& word = static_cast<Buffer&>(*scratch).word;
    for (uint32_t start = 0; start < size;) {
      const Token found = start == 0 ? longest(piece, 0, 0) : continuation(piece, start, word);
      if (found.end == 0) {
        out.resize(before);
        out.push_back({required(), 0, size});
        return;
      }
      out.push_back(found);
      start = found.end;
    }
  }
  std::optional<uint32_t> unknown() const override { return unknown_; }

 private:
  Token continuation(std::string_view piece, uint32_t start, std::string& word) const {
    word.assign(options_.prefix).append(piece.substr(start));
    const auto prefix = static_cast<uint32_t>(options_.prefix.size());
    return longest(word, prefix, start);
  }

  /// The longest beginning of `word` in the vocabulary, longer than `prefix`; `end` is 0 when there
  /// is none. The word without prefix begins at `start` of the piece.
  Token longest(std::string_view word, uint32_t prefix, uint32_t start) const {
    auto end = static_cast<uint32_t>(std::min(word.size(), vocabulary().longest()));
    while (end > prefix && end < word.size() && is_continuation(word[end])) --end;
    while (end > prefix) {
      if (const auto id = vocabulary().id(word.substr(0, end)))
        return {*id, start, start + end - prefix};
      do {
        --end;
      } while (end > prefix && is_continuation(word[end]));
    }
    return {};
  }

  static bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xc0U) == 0x80; }

  uint32_t required() const {
    if (!unknown_) {
      fail_unreadable("a word is not in the vocabulary, and '{}' for unknown words is not either",
                      options_.unknown);
    }
    return *unknown_;
  }

  WordPieceOptions options_;
  std::optional<uint32_t> unknown_;
};

}  // namespace

std::unique_ptr<const Model> make_word_piece(Vocabulary vocabulary,
                                             const WordPieceOptions& options) {
  return std::make_unique<WordPiece>(std::move(vocabulary), options);
}

std::unique_ptr<const Model> make_word_piece_model(const Node& node, int /*depth*/) {
  WordPieceOptions options;
  options.unknown = node.text("unk_token");
  options.prefix = node.text("continuing_subword_prefix");
  options.longest_word = node.at("max_input_chars_per_word").count();
  return make_word_piece(Vocabulary::read(node.at("vocab")), options);
}

}  // namespace graft::texts
