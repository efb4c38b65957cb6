#pragma once

#include <string_view>

#include "graft/text/tokenizer.h"
#include "graft/text/tokenizer_parts.h"

namespace graft::texts {

/// One text through all steps up to the model; `sequence` is 0 or 1.
Encoding encode_text(std::string_view text, uint32_t sequence, const EncodeOptions& options,
                     const TokenizerParts& parts, const AddedTokens& added, bool needs_origins,
                     Scratch* scratch);

}  // namespace graft::texts
