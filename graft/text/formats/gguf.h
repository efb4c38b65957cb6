#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graft/text/tokenizer_parts.h"

namespace graft::texts {

/// What a GGUF file says of its tokenizer ("tokenizer.ggml.*"); the file itself is read by
/// graft/io/gguf_metadata.h.
struct GgufVocabulary {
  std::string model;            ///< "llama" (sentencepiece BPE), "gpt2", "bert", "t5" (unigram)
  std::string pre = "default";  ///< of "gpt2": the name of its pre-tokenizer
  std::vector<std::string> tokens;
  std::vector<float> scores;  ///< of "llama" and "t5"
  std::vector<int> types;     ///< 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
  std::vector<std::string> merges;  ///< of "gpt2": "left right"
  std::string charsmap;             ///< of "t5"
  std::optional<uint32_t> bos, eos, unknown, separator, padding, cls, mask;
  std::optional<bool> add_bos, add_eos, space_prefix, remove_extra_spaces;
};

/// The tokenizer; `where` names the file in errors (exit code 3): lists of different lengths, ids
/// out of range, unknown kinds.
TokenizerParts parts_of_gguf(GgufVocabulary vocabulary, const std::string& where);

}  // namespace graft::texts
