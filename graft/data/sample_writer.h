#pragma once

#include <cstdint>

#include "graft/nn/flow.h"

namespace graft::data {

/// Writes pictures, as they enter a chain, into the rows of a batch.
class SampleWriter {
 public:
  SampleWriter() = default;
  virtual ~SampleWriter() = default;
  SampleWriter(const SampleWriter&) = delete;
  SampleWriter& operator=(const SampleWriter&) = delete;
  /// Tensors for so many samples, a row each in one piece of memory, with nothing in them.
  virtual nn::Flow room(int64_t samples) const = 0;
  /// Writes the sample at a position of the view. Any thread may call it, each row is written by
  /// one. `visit` tells repeated visits of a sample in an epoch apart. Throws what makes the sample
  /// unreadable.
  virtual void write(int64_t position, uint32_t visit, const nn::Flow& batch,
                     int64_t row) const = 0;
};

}  // namespace graft::data
