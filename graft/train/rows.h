#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace graft::train {

/// Rows of what blocks gave, one a sample: taken in an order that may be cut anywhere, given back
/// in the order of the view.
class RowsInOrder {
 public:
  /// `rows` [n, D] of the samples at `positions`.
  void add(const at::Tensor& rows, const std::vector<int64_t>& positions);
  /// Where the rows came from, rising once `finish` was called.
  const std::vector<int64_t>& positions() const { return positions_; }
  /// [positions, D]; [0, 0] where there are none.
  at::Tensor finish();

 private:
  std::vector<at::Tensor> parts_;
  std::vector<int64_t> positions_;
};

}  // namespace graft::train
