#include "graft/text/pre_tokenizer.h"
#include "graft/text/unicode/properties.h"

namespace graft::texts {
namespace {

class WhitespaceSplit : public PreTokenizer {
 public:
  void apply(Pieces& pieces) const override {
    pieces.split([](std::string_view text, std::vector<Part>& parts) {
      parts_by(text, is_space, parts);
      merge_parts(parts, SplitBehavior::removed);
    });
  }
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_whitespace_split_pre_tokenizer(const Node& /*node*/,
                                                                        int /*depth*/) {
  return std::make_unique<WhitespaceSplit>();
}

}  // namespace graft::texts
