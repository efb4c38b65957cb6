#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace graft::nn {

/// The rows of a table of relative positions that the texts of a batch read.
struct RelativeRows {
  int64_t first = 0, count = 0;  ///< they are [first, first + count) of the table
  at::Tensor of_distance;        ///< int64 on the CPU; entry zero + d is the row, counted from
                                 ///< `first`, of query - key = d
  int64_t zero = 0;
};

/// Distances between tokens as rows of a table (He et al. 2020, arXiv:2006.03654): row span() + d
/// for query - key = d, or the nearest there is. With `buckets` distances beyond half of them share
/// rows by their logarithm, up to `reach` (He et al. 2021, arXiv:2111.09543), in float32 as
/// transformers computes it.
class RelativePositions {
 public:
  /// `buckets` 0: none. Else there are 2 or more, and reach - 1 is above half of them.
  RelativePositions(int64_t buckets, int64_t reach);
  /// Rows of each direction; the table has twice as many.
  int64_t span() const { return buckets_ > 0 ? buckets_ : reach_; }
  /// What texts of up to `keys` tokens read whose first `queries` tokens look around.
  RelativeRows rows(int64_t keys, int64_t queries) const;

 private:
  /// Rows of the distances -(longest - 1) … longest - 1, counted from the table's beginning.
  at::Tensor table(int64_t longest) const;

  int64_t buckets_, reach_;
  at::Tensor usual_;  // the table of the lengths that are common
};

}  // namespace graft::nn
