#include "graft/text/post_processor.h"

namespace graft::texts {
namespace {

/// [CLS] A [SEP], or [CLS] A [SEP] B [SEP].
class Bert : public PostProcessor {
 public:
  Bert(SpecialToken cls, SpecialToken sep) : cls_(std::move(cls)), sep_(std::move(sep)) {}

  size_t added(bool pair) const override { return pair ? 3 : 2; }
  void apply(std::vector<Encoding>& parts, bool add_special) const override {
    if (!add_special) return;
    for (size_t i = 0; i < parts.size(); ++i)
      surround(parts[i], i == 0 ? &cls_ : nullptr, &sep_, i == 0 ? 0 : 1);
  }

 private:
  SpecialToken cls_;
  SpecialToken sep_;
};

}  // namespace

std::unique_ptr<const PostProcessor> make_bert_post_processor(const Node& node, int /*depth*/) {
  return std::make_unique<Bert>(read_special(node.at("cls")), read_special(node.at("sep")));
}

}  // namespace graft::texts
