#pragma once

#include <filesystem>
#include <string>

namespace graft::models {

/// The model of llama2.c that `source` is, or that lies in the folder `source`; empty where there
/// is none. Several are an error (exit code 3).
std::filesystem::path find_llama2c(const std::filesystem::path& source);
/// Writes it and its tokenizer (tok*.bin or a sentencepiece .model beside it) in Hugging Face's
/// layout; returns what was done in a sentence.
std::string convert_llama2c(const std::filesystem::path& file, const std::filesystem::path& folder);

}  // namespace graft::models
