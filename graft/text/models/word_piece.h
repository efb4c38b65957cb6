#pragma once

#include <memory>
#include <string>

#include "graft/text/model.h"

namespace graft::texts {

struct WordPieceOptions {
  std::string unknown = "[UNK]";
  std::string prefix = "##";    ///< of pieces that continue a word
  uint64_t longest_word = 100;  ///< in characters; longer words are unknown
};

/// WordPiece (Schuster and Nakajima 2012; as in BERT): from the left, the longest piece that is in
/// the vocabulary; a word that cannot be covered is unknown as a whole.
std::unique_ptr<const Model> make_word_piece(Vocabulary vocabulary,
                                             const WordPieceOptions& options);

}  // namespace graft::texts
