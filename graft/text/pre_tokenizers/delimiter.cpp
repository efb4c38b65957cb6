#include "graft/text/pre_tokenizer.h"

namespace graft::texts {
namespace {

class Delimiter : public PreTokenizer {
 public:
  explicit Delimiter(char32_t delimiter) : delimiter_(delimiter) {}
  void apply(Pieces& pieces) const override {
    pieces.split([this](std::string_view text, std::vector<Part>& parts) {
      parts_by(text, [this](char32_t c) { return c == delimiter_; }, parts);
      merge_parts(parts, SplitBehavior::removed);
    });
  }

 private:
  char32_t delimiter_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_delimiter_pre_tokenizer(const Node& node, int /*depth*/) {
  return std::make_unique<Delimiter>(node.at("delimiter").character());
}

}  // namespace graft::texts
