#pragma once

#include <map>
#include <string>

#include "graft/io/gguf_metadata.h"
#include "graft/text/tokenizer.h"

namespace graft::io {

/// The tokenizer in a GGUF file. Errors (exit code 3): none in it, or of a kind that is not known.
texts::Tokenizer read_gguf_tokenizer(const std::filesystem::path& path);
texts::Tokenizer gguf_tokenizer(const std::map<std::string, GgufValue>& metadata,
                                const std::string& where);

}  // namespace graft::io
