#pragma once

#include <span>
#include <string_view>

#include "graft/text/preprocess.h"
#include "graft/text/span.h"

namespace graft::texts {

/// From a text whose words are told apart to the tokens of a sample, as transformers'
/// is_split_into_words=True does it: each word is tokenized by itself, and Tokens::words says which
/// token it begins with. A word of which the tokenizer leaves nothing has none, and neither have
/// those behind Preprocess::max_length, where the sample is cut.
///
/// Tokenizers that tell the beginning of a word by the blank before it (byte-level ones: GPT-2,
/// RoBERTa, Llama 3) get one before every word, as add_prefix_space=True does. Threads may share an
/// encoder.
class WordEncoder {
 public:
  explicit WordEncoder(Preprocess preprocess);

  Tokens apply(std::string_view text, std::span<const Span> words) const;
  const Preprocess& preprocess() const { return preprocess_; }
  /// Whether each word is read with a blank before it.
  bool puts_blanks() const { return puts_blanks_; }

 private:
  Preprocess preprocess_;
  bool puts_blanks_;
};

}  // namespace graft::texts
