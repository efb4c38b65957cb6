#pragma once

#include <string>

#include "graft/models/text_tower.h"
#include "graft/nn/embedding.h"

namespace graft::models {

/// What makes logits of tokens: a matrix with a row for each token of the vocabulary.
struct TokenOutput {
  int64_t width, vocabulary;
  std::string path;  ///< of the layer that holds the matrix
  /// The embedding that the matrix is, else null; and the path of what the layer holds then.
  nn::Embedding* tied = nullptr;
  std::string tied_path = {};
  bool bias = false;     ///< each token's logit has a number of its own added
  double logit_cap = 0;  ///< > 0: logits are cap * tanh(logit / cap)
};

/// Appends the block that ends a language model: `rows`, then the output matrix. "x" [T, …] becomes
/// "logits" [T, vocabulary] in float32, beside "lengths".
///
/// Where the flow has "targets" [T] int64 (the token that is wanted; below 0: not learned), there
/// are no logits, whatever the vocabulary is, and `rows` sees what is learned only. The chain ends
/// with "texts" [B, 3] float32, of each text the sum of its losses, its learned tokens and how many
/// of them were held for the likeliest; and with what backward runs on, either "loss", the scalar
/// sum, or "losses" [B] float64, the sums of the texts (nn/token_loss.h). Where texts share their
/// beginnings, nothing is learned in these: B are the pieces in which texts end.
///
/// The layers of `rows` were registered before, as of this block.
void add_token_output(Model& model, const TokenOutput& output, FinishRows rows);

}  // namespace graft::models
