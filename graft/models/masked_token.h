#pragma once

#include <string>

#include "graft/models/model.h"
#include "graft/models/row_transform.h"
#include "graft/nn/embedding.h"

namespace graft::models {

/// The head of a masked language model (Devlin et al. 2018, arXiv:1810.04805): a transform of each
/// row, then the output matrix and a number a token.
struct MaskedHead {
  TransformSettings transform;
  std::string output;       ///< path of the layer that holds the output matrix
  std::string tied_output;  ///< path of what that layer holds where the matrix is the embedding
  bool bias = true;
};

/// Appends it: "x" [T, width] → "logits" [T, vocabulary] or losses, see token_output.h. The output
/// matrix is the table of `words`, unless "tie_word_embeddings" of the config is false.
void add_masked_head(Model& model, const MaskedHead& head, nn::Embedding& words);

}  // namespace graft::models
