#include "graft/text/pre_tokenizer.h"

namespace graft::texts {

#define PRE_TOKENIZER(file, type) \
  std::unique_ptr<const PreTokenizer> make_##file##_pre_tokenizer(const Node& node, int depth);
#include "graft/text/pre_tokenizers.def"
#undef PRE_TOKENIZER

const std::vector<ComponentRecord<PreTokenizer>>& pre_tokenizers() {
  static const std::vector<ComponentRecord<PreTokenizer>> all{
#define PRE_TOKENIZER(file, type) {type, make_##file##_pre_tokenizer},
#include "graft/text/pre_tokenizers.def"
#undef PRE_TOKENIZER
  };
  return all;
}

std::unique_ptr<const PreTokenizer> make_pre_tokenizer(const Node& node, int depth) {
  return make_component(pre_tokenizers(), node, "pre-tokenizer", depth);
}

}  // namespace graft::texts
