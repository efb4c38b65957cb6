#pragma once

#include <cstdint>
#include <vector>

namespace graft::data {

/// The samples of an epoch, as positions in a view, and how they are divided into batches.
struct BatchOrder {
  std::vector<int64_t> order;
  std::vector<int64_t> ends;  ///< of each batch: one behind its last sample, in `order`

  int64_t batches() const { return static_cast<int64_t>(ends.size()); }
  int64_t begin(int64_t batch) const {
    return batch == 0 ? 0 : ends[static_cast<size_t>(batch - 1)];
  }
  int64_t end(int64_t batch) const { return ends[static_cast<size_t>(batch)]; }
};

/// Batches of `size` samples each; the last has what is left.
BatchOrder batches_of_samples(std::vector<int64_t> order, int64_t size);

/// Batches of samples of similar length that hold at most `tokens` tokens, or one sample that has
/// more. `lengths` has the tokens of every position in the view. Within windows of the order, fifty
/// batches long, samples are sorted by length, divided, and the batches shuffled. A pure function
/// of its arguments.
BatchOrder batches_of_tokens(std::vector<int64_t> order, const std::vector<int64_t>& lengths,
                             int64_t tokens, uint64_t seed, int64_t epoch);

}  // namespace graft::data
