#include "graft/train/rows.h"

#include <torch/types.h>

#include <algorithm>
#include <numeric>

namespace graft::train {

void RowsInOrder::add(const at::Tensor& rows, const std::vector<int64_t>& positions) {
  parts_.push_back(rows);
  positions_.insert(positions_.end(), positions.begin(), positions.end());
}

at::Tensor RowsInOrder::finish() {
  const at::Tensor rows = parts_.empty() ? at::empty({0, 0}) : at::cat(parts_, 0);
  if (std::is_sorted(positions_.begin(), positions_.end())) return rows;
  std::vector<int64_t> sorted(positions_.size());
  std::iota(sorted.begin(), sorted.end(), int64_t{0});
  std::sort(sorted.begin(), sorted.end(), [&](int64_t a, int64_t b) {
    return positions_[static_cast<size_t>(a)] < positions_[static_cast<size_t>(b)];
  });
  std::sort(positions_.begin(), positions_.end());
  return rows.index_select(0, at::tensor(sorted, at::kLong).to(rows.device()));
}

}  // namespace graft::train
