#include "graft/text/byte_alphabet.h"
#include "graft/text/pre_tokenizer.h"
#include "graft/text/word_scanner.h"

namespace graft::texts {
namespace {

/// Bytes that the alphabet leaves as they are.
bool is_plain(char c) {
  return c > ' ' && c < '\x7f';
}

/// Splits by GPT-2's pattern and writes bytes in its alphabet.
class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool prefix, bool split) : prefix_(prefix), split_(split) {}

  void apply(Pieces& pieces) const override {
    if (prefix_) add_prefix(pieces);
    if (split_) {
      std::vector<Match> words;
      pieces.split([&](std::string_view text, std::vector<Part>& parts) {
        words.clear();
        scan_words(text, WordPattern::gpt2, words);
        for (const Match& word : words) parts.push_back({word.begin, word.end, false});
      });
    }
    const ByteAlphabet& alphabet = byte_alphabet();
    pieces.rewrite([&](const Piece& /*piece*/, std::string_view text, Rewriter& out) {
      while (out.position() < text.size()) {
        size_t end = out.position();
        while (end < text.size() && is_plain(text[end])) ++end;
        out.copy(end - out.position());
        if (end < text.size()) out.replace(1, alphabet.utf8[static_cast<uint8_t>(text[end])]);
      }
    });
  }

 private:
  static void add_prefix(Pieces& pieces) {
    pieces.rewrite([](const Piece& /*piece*/, std::string_view text, Rewriter& out) {
      if (!text.starts_with(' ')) {
        const char32_t first = utf8_at(text, 0).code;
        out.put(U' ', 0);
        out.put(first, 1);
      }
      out.copy(text.size() - out.position());
    });
  }

  bool prefix_;
  bool split_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_byte_level_pre_tokenizer(const Node& node, int /*depth*/) {
  return std::make_unique<ByteLevel>(node.boolean("add_prefix_space"),
                                     node.boolean("use_regex", true));
}

}  // namespace graft::texts
