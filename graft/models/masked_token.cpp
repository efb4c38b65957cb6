#include "graft/models/masked_token.h"

#include <torch/types.h>

#include <memory>

#include "graft/models/family.h"
#include "graft/models/token_output.h"

namespace graft::models {

void add_masked_head(Model& model, const MaskedHead& head, nn::Embedding& words) {
  const nn::Scope root(model.registry(), "", model.size());
  const auto transform = std::make_shared<const RowTransform>(root, head.transform);
  TokenOutput output{head.transform.out, words.weight().size(0), head.output};
  output.bias = head.bias;
  if (config_flag(model.config(), "tie_word_embeddings", true)) {
    output.tied = &words;
    output.tied_path = head.tied_output;
  }
  add_token_output(model, output, [transform](const at::Tensor& x) { return (*transform)(x); });
}

}  // namespace graft::models
