#pragma once

#include <string>
#include <vector>

#include "graft/data/text.h"
#include "graft/models/model.h"

namespace graft::train {

/// A token that may stand in a masked place.
struct Filling {
  uint32_t id;
  std::string word;  ///< as it reads, white space around it aside
  float probability;
};

/// What may stand in the masked places of a text, each with its likeliest tokens, falling.
struct FilledText {
  std::vector<std::vector<Filling>> places;
  std::string text;  ///< with the likeliest token in each
};

/// Reads texts in which a word is the tokenizer's mask token; `most` tokens a place. A text without
/// one, within the tokens that the model takes, is an error (exit code 2).
std::vector<FilledText> fill_masks(models::Model& model, const std::vector<data::Text>& texts,
                                   int most);

}  // namespace graft::train
