#pragma once

#include <functional>
#include <string>

#include "graft/models/task_head.h"
#include "graft/nn/embedding.h"

namespace graft::models {

/// The final norm, the output matrix and the other heads of a causal language model.
struct DecoderHead {
  std::string norm_path;
  std::function<FinishRows(const nn::Scope& scope)> norm;
  int64_t width, vocabulary;
  double logit_cap = 0;                    ///< > 0: logits are cap * tanh(logit / cap)
  std::string token_classifier = "score";  ///< path of the layer that tells tokens apart
};

/// How the last layer of a decoder ends, which is added next: for the next token with all tokens as
/// they are, else with the final norm; for classes and embeddings of the last token.
TowerEnd decoder_end(Model& model, const DecoderHead& head);

/// Appends the head that the model's task wants: for the next token the final norm, then the output
/// matrix "lm_head", which is `tied` where that is given (token_output.h); for classes "score" on
/// the last token; for classes of tokens a layer on each.
void add_decoder_head(Model& model, int64_t classes, const DecoderHead& head, nn::Embedding* tied);

}  // namespace graft::models
