#include <algorithm>

#include "graft/text/post_processor.h"

namespace graft::texts {
namespace {

/// <s> A </s>, or <s> A </s></s> B </s>; all types are 0.
class Roberta : public PostProcessor {
 public:
  explicit Roberta(const Node& node)
      : cls_(read_special(node.at("cls"))),
        sep_(read_special(node.at("sep"))),
        trim_(node.boolean("trim_offsets")),
        prefix_space_(node.boolean("add_prefix_space")) {}

  size_t added(bool pair) const override { return pair ? 4 : 2; }
  void apply(std::vector<Encoding>& parts, bool add_special) const override {
    for (size_t i = 0; i < parts.size(); ++i) {
      if (trim_) trim_offsets(parts[i], prefix_space_);
      std::ranges::fill(parts[i].type_ids, 0);
      // Windows keep the types they had when nothing is put around them, as in the original.
      if (!add_special) continue;
      for (Encoding& window : parts[i].overflow) std::ranges::fill(window.type_ids, 0);
      surround(parts[i], i == 0 ? &cls_ : &sep_, &sep_, 0);
    }
  }

 private:
  SpecialToken cls_;
  SpecialToken sep_;
  bool trim_;
  bool prefix_space_;
};

}  // namespace

std::unique_ptr<const PostProcessor> make_roberta_post_processor(const Node& node, int /*depth*/) {
  return std::make_unique<Roberta>(node);
}

}  // namespace graft::texts
