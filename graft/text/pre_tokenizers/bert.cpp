#include "graft/text/pre_tokenizer.h"
#include "graft/text/unicode/properties.h"

namespace graft::texts {
namespace {

/// White space separates and is dropped, punctuation stands alone.
class Bert : public PreTokenizer {
 public:
  void apply(Pieces& pieces) const override {
    pieces.split([](std::string_view text, std::vector<Part>& parts) {
      uint32_t begin = 0;
      const auto flush = [&](uint32_t end) {
        if (begin < end) parts.push_back({begin, end, false});
      };
      for (uint32_t at = 0; at < text.size();) {
        const Utf8Char next = utf8_at(text, at);
        const bool space = is_space(next.code);
        if (space || is_punctuation(next.code)) {
          flush(at);
          begin = at + next.bytes;
          if (!space) parts.push_back({at, begin, false});
        }
        at += next.bytes;
      }
      flush(static_cast<uint32_t>(text.size()));
    });
  }
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_bert_pre_tokenizer(const Node& /*node*/, int /*depth*/) {
  return std::make_unique<Bert>();
}

}  // namespace graft::texts
