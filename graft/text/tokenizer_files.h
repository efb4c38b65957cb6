#pragma once

#include <filesystem>

#include "graft/text/preprocess.h"

namespace graft::texts {

/// Writes a tokenizer's files, and those beside it (Preprocess::files), into another folder. New
/// tokens (Preprocess::new_tokens) stand in it as transformers writes them: in tokenizer.json, and
/// where there is none in tokenizer_config.json.
void write_tokenizer_files(const Preprocess& preprocess, const std::filesystem::path& folder);

/// Of a model that marks words: where they are spelled with the blank before them (WordEncoder),
/// the files in `folder` tell transformers to put one before each, the first included.
void write_blanks_before_words(const Preprocess& preprocess, const std::filesystem::path& folder);

}  // namespace graft::texts
