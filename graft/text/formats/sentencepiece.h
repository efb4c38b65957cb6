#pragma once

#include <string>
#include <vector>

#include "graft/text/formats/formats.h"

namespace graft::texts {

/// A vocabulary in the manner of sentencepiece: from its .model, or from a GGUF file.
struct SentencePieceModel {
  enum class Kind { unigram, bpe };
  /// Types of pieces, with the numbers of both file formats.
  enum Type : int { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

  Kind kind = Kind::bpe;
  std::vector<std::string> pieces;
  std::vector<float> scores;
  std::vector<int> types;
  std::string charsmap;
  bool dummy_prefix = true;
  bool remove_extra_spaces = true;
  bool escape_spaces = true;
  bool space_as_suffix = false;
  bool byte_fallback = false;
  int64_t bos = -1;  ///< ids; -1 for none
  int64_t eos = -1;
};

/// Reads the protocol buffer. Throws (exit code 3).
SentencePieceModel read_sentencepiece(const std::string& bytes, const std::string& where);

/// A special token, unless the tokenizer has it added already; `takes_blank`: the one before it.
void add_special(TokenizerParts& parts, const std::string& content, bool takes_blank = false);

/// The tokenizer. Without `config` the special tokens around a text are those of the converters of
/// transformers: BOS before it for BPE (Llama), EOS behind it for unigram (T5).
TokenizerParts sentencepiece_parts(SentencePieceModel model, const std::string& where,
                                   const TokenizerConfig& config);

/// sentencepiece's normaliser: charsmap, spaces made visible, one put in front.
std::unique_ptr<const Normalizer> make_sentencepiece_normalizer(const SentencePieceModel& model,
                                                                const std::string& where);

}  // namespace graft::texts
