#pragma once

#include <cstdint>
#include <vector>

#include "graft/base/json.h"

namespace graft::train {

/// Forward FLOPs a sample of each block, adapters apart, read off the shapes by a forward pass.
struct Profile {
  struct Block {
    double forward = 0;  ///< of the block's own layers
    double weights = 0;  ///< of those with a weight: what its gradient costs again
    double adapters = 0;
  };
  std::vector<Block> blocks;

  double forward(int from, int to) const;
  /// One sample's update: forward of [from, end), gradients down to `lowest`, weight gradients
  /// where `trained` says. An input gradient costs what the forward does and so does a weight's
  /// (multiply-adds); the lowest trained block needs no input gradient at its entry, which is
  /// counted as if it did.
  double update(int from, int lowest, const std::vector<bool>& base_trained) const;
  /// Full fine-tuning: forward, input and weight gradients of everything.
  double full_update() const;
};

/// What a run has spent, as far as it can be counted.
struct Work {
  int64_t steps = 0;
  int64_t samples_forward = 0;  ///< through at least the head, training only
  int64_t samples_backward = 0;
  int64_t tokens = 0;          ///< of texts, in samples_forward
  int64_t learned_tokens = 0;  ///< of them, those that a language model had to predict
  int64_t shared_tokens = 0;   ///< and those that another text of the batch had in common
  int64_t samples_cached = 0;  ///< of them, those whose prefix came from the cache
  double flops = 0;            ///< training, cache filling and evaluation during it
  double full_flops = 0;       ///< of the same passes as full fine-tuning would spend them
  double train_s = 0, eval_s = 0, data_s = 0, cache_s = 0;
  double wall_before = 0, cpu_before = 0;  ///< of the sessions before a resume
  double evaluation_before = 0;            ///< FLOPs of evaluations in them
  int64_t peak_tensor_before = 0, peak_rss_before = 0;
  Json to_json() const;
  static Work from_json(const Json& value);
};

}  // namespace graft::train
