#pragma once

#include <functional>
#include <string>

#include "graft/models/text_tower.h"
#include "graft/nn/embedding.h"

namespace graft::models {

/// The final norm and the output matrix of a causal language model.
struct NextTokenHead {
  std::string norm_path;
  std::function<FinishRows(const nn::Scope& scope)> norm;
  int64_t width, vocabulary;
  double logit_cap = 0;  ///< > 0: logits are cap * tanh(logit / cap)
};

/// How the last layer of a decoder ends, which is added next: for classes with the final norm and
/// the last token, for the next token with all tokens as they are.
TowerEnd decoder_end(Model& model, const NextTokenHead& head);

/// Appends the head that the model's task wants: "score" on the last token for `classes`; for the
/// next token the final norm, then the output matrix "lm_head", which is `tied` where that is
/// given: "x" [T, width] → "logits" [T, vocabulary] in float32.
///
/// Where the flow has "targets" [T] int64 (the token that follows; below 0: not learned), there are
/// no logits, whatever the vocabulary is: the chain ends with "texts" [B, 3] float32, of each text
/// the sum of its losses, its learned tokens and how many of them were held for the likeliest; and
/// with what backward runs on, either "loss", the scalar sum, or "losses" [B] float64, the sums of
/// the texts (nn/token_loss.h).
void add_decoder_head(Model& model, int64_t classes, const NextTokenHead& head,
                      nn::Embedding* tied);

}  // namespace graft::models
