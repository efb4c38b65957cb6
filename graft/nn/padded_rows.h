#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace graft::nn {

/// Rows that belong together.
struct RowRange {
  int64_t first, count;
};

/// Sequences that lie one after the other, each with room for the longest: what LibTorch's own
/// operators want. The other way and in backward rows are only picked, never added up, so that
/// results do not depend on the order of a GPU's threads.
class PaddedRows {
 public:
  /// There is room for a multiple of `step` rows.
  PaddedRows(const std::vector<RowRange>& sequences, at::Device device, int64_t step = 1);
  /// Rows that each sequence has room for.
  int64_t size() const { return size_; }
  /// How many it has: [B] int64 on the device.
  const at::Tensor& counts() const { return counts_; }
  /// t [N, width] as [B, size, width]. Padding is any row, which gets no gradient. Where gradients
  /// are wanted, the sequences must be all rows of t, in their order.
  at::Tensor pad(const at::Tensor& t) const;
  /// x [B, size, width] as [N, width].
  at::Tensor unpad(const at::Tensor& x) const;

 private:
  int64_t size_ = 0;
  at::Tensor counts_;
  at::Tensor rows_;     // [B size]: the row that stands at each place
  at::Tensor places_;   // [N]: the place of each row
  at::Tensor padding_;  // [B size, 1]: which places hold none
};

}  // namespace graft::nn
