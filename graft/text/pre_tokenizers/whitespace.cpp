#include "graft/text/pre_tokenizer.h"
#include "graft/text/unicode/properties.h"

namespace graft::texts {
namespace {

enum class Kind { space, word, other };

Kind kind_of(char32_t c) {
  return is_word(c) ? Kind::word : is_space(c) ? Kind::space : Kind::other;
}

/// The matches of \w+|[^\w\s]+.
class Whitespace : public PreTokenizer {
 public:
  void apply(Pieces& pieces) const override {
    pieces.split([](std::string_view text, std::vector<Part>& parts) {
      Kind previous = Kind::space;
      for (uint32_t at = 0; at < text.size();) {
        const Utf8Char next = utf8_at(text, at);
        const Kind kind = kind_of(next.code);
        if (kind != Kind::space) {
          if (kind == previous) {
            parts.back().end = at + next.bytes;
          } else {
            parts.push_back({at, at + next.bytes, false});
          }
        }
        previous = kind;
        at += next.bytes;
      }
    });
  }
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_whitespace_pre_tokenizer(const Node& /*node*/,
                                                                  int /*depth*/) {
  return std::make_unique<Whitespace>();
}

}  // namespace graft::texts
