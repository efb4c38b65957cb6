#pragma once

#include <filesystem>

#include "graft/base/json.h"
#include "graft/text/preprocess.h"

namespace graft::models {

/// The tokenizer of a folder, and the most tokens that the model takes by `config` and the folder's
/// own files (tokenizer_config.json, sentence_bert_config.json). Errors (exit code 3) where there
/// is no tokenizer, or one with more tokens than the model has rows for.
texts::Preprocess read_text_preprocess(const std::filesystem::path& folder, const Json& config,
                                       int64_t max_length = 0);

/// Folders of sentence-transformers say how their model pools: goes into the config as
/// "classifier_pooling", unless that is there.
void note_pooling(Json& config, const std::filesystem::path& folder);

}  // namespace graft::models
