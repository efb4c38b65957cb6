#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "graft/text/model.h"

namespace graft::texts {

struct UnigramOptions {
  std::vector<double> scores;       ///< of each id, logarithms of probabilities
  std::optional<uint32_t> unknown;  ///< id of the token for unknown characters
  bool byte_fallback = false;
  std::vector<bool> hidden;       ///< ids that text never becomes; empty for none
  bool single_precision = false;  ///< adds scores as sentencepiece does, not as `tokenizers`
};

/// Unigram language model (Kudo 2018): the segmentation with the highest sum of scores. A character
/// that is no token costs the lowest score less 10; neighbouring ones become one token.
std::unique_ptr<const Model> make_unigram(Vocabulary vocabulary, UnigramOptions options);

}  // namespace graft::texts
