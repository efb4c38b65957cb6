#pragma once

#include <functional>
#include <string>

#include "graft/models/text_tower.h"
#include "graft/nn/embedding.h"

namespace graft::models {

struct NextTokenHead {
  std::string norm_path;
  std::function<FinishRows(const nn::Scope& scope)> norm;
  int64_t width, vocabulary;
  double logit_cap = 0;  ///< > 0: logits are cap * tanh(logit / cap)
};

/// Appends the head of a causal language model: the final norm, then the output matrix "lm_head",
/// which is `tied` where that is given. "x" [T, width] → "logits" [T, vocabulary] in float32.
void add_next_token_head(Model& model, const NextTokenHead& head, nn::Embedding* tied);

}  // namespace graft::models
