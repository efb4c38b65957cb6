#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/text/preprocess.h"

namespace graft::models {

/// The tokenizer of a folder, and the most tokens that the model takes by `config` and the folder's
/// own files (tokenizer_config.json, sentence_bert_config.json). Of `add_tokens` those that it
/// lacks become special tokens with the next ids. Errors (exit code 3): a tokenizer with more
/// tokens than the model has rows for; tokens to add and no tokenizer.
texts::Preprocess read_text_preprocess(const std::filesystem::path& folder, const Json& config,
                                       int64_t max_length = 0,
                                       const std::vector<std::string>& add_tokens = {});

}  // namespace graft::models
