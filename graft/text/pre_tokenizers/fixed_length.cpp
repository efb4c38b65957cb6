#include "graft/text/pre_tokenizer.h"

namespace graft::texts {
namespace {

class FixedLength : public PreTokenizer {
 public:
  explicit FixedLength(uint64_t length) : length_(length) {}
  void apply(Pieces& pieces) const override {
    pieces.split([this](std::string_view text, std::vector<Part>& parts) {
      uint64_t characters = 0;
      for (uint32_t at = 0; at < text.size(); ++characters) {
        const uint32_t end = at + utf8_length(text[at]);
        if (characters % length_ == 0) {
          parts.push_back({at, end, false});
        } else {
          parts.back().end = end;
        }
        at = end;
      }
    });
  }

 private:
  uint64_t length_;  ///< in characters
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_fixed_length_pre_tokenizer(const Node& node,
                                                                    int /*depth*/) {
  constexpr uint64_t kDefault = 5;
  const auto length = node.find("length");
  if (length && length->count() == 0) length->refuse("a length above 0");
  return std::make_unique<FixedLength>(length ? length->count() : kDefault);
}

}  // namespace graft::texts
