#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graft/models/model.h"
#include "graft/models/sampler.h"

namespace graft::models {

/// What the files of a language model say about its use.
struct GenerationConfig {
  /// By generation_config.json: greedy unless "do_sample", as transformers has it.
  Sampling sampling;
  /// Tokens that end a text: "eos_token_id" of generation_config.json and of config.json (a number
  /// or a list) and the tokenizer's eos_token.
  std::vector<int32_t> ends;
  std::optional<int32_t> begin;  ///< bos_token, what an empty prompt becomes
  int64_t context = 0;           ///< most tokens of prompt and answer together
};

/// Reads generation_config.json beside the model's tokenizer. Values that cannot be are errors
/// (exit code 3).
GenerationConfig read_generation_config(const Model& model);

}  // namespace graft::models
