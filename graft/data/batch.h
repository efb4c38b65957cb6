#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "graft/nn/flow.h"

namespace graft::data {

/// What one step trains on. B is the number of samples, smaller at the end of an epoch and where
/// pictures were unreadable.
struct Batch {
  int64_t number = 0;  ///< position in the epoch, from 0; a resumed run starts at `number + 1`
  std::vector<int64_t> indices;  ///< positions in the view
  /// What enters the chain (models/model.h): of pictures "pixels" [B, 3, H, W] float32, channels
  /// last; of texts "ids" and what belongs to them.
  nn::Flow inputs;
  at::Tensor labels;   ///< [B] int64; undefined for multi-label data
  at::Tensor targets;  ///< [B, C] float32, for multi-label data and after mixing; else undefined

  const at::Tensor& pixels() const { return inputs.at("pixels"); }
  int64_t size() const { return static_cast<int64_t>(indices.size()); }
};

/// The batches of one pass, in order. Not thread-safe.
class Batches {
 public:
  Batches() = default;
  virtual ~Batches() = default;
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;
  /// The next batch, or nothing at the end of the pass. Throws (exit code 3) when too many samples
  /// are unreadable.
  virtual std::optional<Batch> next() = 0;
};

}  // namespace graft::data
