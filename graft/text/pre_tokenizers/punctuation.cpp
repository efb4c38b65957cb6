#include "graft/text/pattern.h"
#include "graft/text/pre_tokenizer.h"
#include "graft/text/unicode/properties.h"

namespace graft::texts {
namespace {

class Punctuation : public PreTokenizer {
 public:
  explicit Punctuation(SplitBehavior behavior) : behavior_(behavior) {}
  void apply(Pieces& pieces) const override {
    pieces.split([this](std::string_view text, std::vector<Part>& parts) {
      parts_by(text, is_punctuation, parts);
      merge_parts(parts, behavior_);
    });
  }

 private:
  SplitBehavior behavior_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_punctuation_pre_tokenizer(const Node& node,
                                                                   int /*depth*/) {
  const auto behavior = node.find("behavior");
  return std::make_unique<Punctuation>(behavior ? read_behavior(*behavior)
                                                : SplitBehavior::isolated);
}

}  // namespace graft::texts
