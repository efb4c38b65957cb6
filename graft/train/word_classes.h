#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "graft/data/text.h"
#include "graft/models/model.h"
#include "graft/nn/flow.h"

/// Of chains that end with "logits" [T, classes] of tokens, beside "targets" [T]: which word of its
/// text begins with a token, -1 where none does (data/text_inputs.h).
namespace graft::train {

/// The tokens that begin a word, in order, all [N] int64.
struct WordRows {
  at::Tensor rows;   ///< positions among the tokens
  at::Tensor texts;  ///< which text of the flow
  at::Tensor words;  ///< which word of that text
};
WordRows word_rows(const nn::Flow& result);

/// What a model says of the words of a text.
struct SaidWords {
  std::vector<int> classes;          ///< one a word
  std::vector<float> probabilities;  ///< of these; 0 where the model has not seen the word
};

/// The class of words that a model does not see, because the tokenizer leaves nothing of them or
/// they were cut: "O", or the first one.
int outside_class(const std::vector<std::string>& classes);

/// Of texts with their words (Text::words). One of more tokens than the model takes is read in
/// parts.
std::vector<SaidWords> classify_words(models::Model& model, const std::vector<data::Text>& texts);

}  // namespace graft::train
