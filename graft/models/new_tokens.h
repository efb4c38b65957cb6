#pragma once

#include <string>

#include "graft/io/tensor_map.h"
#include "graft/models/model.h"

namespace graft::models {

/// New tokens (ModelSource::add_tokens) and the rows of the vocabulary that are theirs.
struct NewTokens {
  std::vector<std::string> tokens;  ///< those that the tokenizer did not have, in the order of ids
  int64_t rows_before = 0;          ///< of the embedding, in the config
  int64_t rows = 0;                 ///< of the embedding now
  bool random = false;              ///< all rows are random
  std::string summary() const;      ///< a line for the user; empty without new tokens
};

/// Makes vocab_size of `config` large enough for the tokenizer. Rows that a checkpoint has to spare
/// are used as they are.
NewTokens make_room(const texts::Preprocess& preprocess, Json& config);

/// Adds rows to tensors whose first dimension is the vocabulary: the embedding, an output matrix of
/// its own, its biases. They start at the mean of the old rows, as in transformers'
/// resize_token_embeddings with mean_resizing (Hewitt 2021, "Initializing New Word Embeddings for
/// Pretrained Language Models"), which adds noise of a covariance of 1e-9 of the rows'.
void add_rows(io::TensorMap& tensors, const Model& model, const NewTokens& tokens);

}  // namespace graft::models
