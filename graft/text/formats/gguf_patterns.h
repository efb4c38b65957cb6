#pragma once

#include <string>

#include "graft/text/node.h"

namespace graft::texts {

/// What the name of a pre-tokenizer in a GGUF file stands for.
struct GgufPattern {
  TreeJson pre_tokenizer;      ///< as in tokenizer.json
  bool ignore_merges = false;  ///< pieces that are tokens need no merges
  bool add_bos = false;        ///< where the file does not say
};

/// Throws (exit code 3) for names that are not known here. Source: llama.cpp, src/llama-vocab.cpp.
GgufPattern gguf_pattern(const std::string& name, const std::string& where);

}  // namespace graft::texts
