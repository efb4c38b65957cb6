#include "graft/text/pre_tokenizer.h"
#include "graft/text/unicode/properties.h"

namespace graft::texts {
namespace {

class Digits : public PreTokenizer {
 public:
  explicit Digits(bool individual)
      : behavior_(individual ? SplitBehavior::isolated : SplitBehavior::contiguous) {}
  void apply(Pieces& pieces) const override {
    pieces.split([this](std::string_view text, std::vector<Part>& parts) {
      parts_by(text, is_numeric, parts);
      merge_parts(parts, behavior_);
    });
  }

 private:
  SplitBehavior behavior_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_digits_pre_tokenizer(const Node& node, int /*depth*/) {
  return std::make_unique<Digits>(node.boolean("individual_digits"));
}

}  // namespace graft::texts
