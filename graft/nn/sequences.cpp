#include "graft/nn/sequences.h"

#include <torch/types.h>

namespace graft::nn {

at::Tensor positions_in(const at::Tensor& lengths, const at::Tensor& past) {
  at::Tensor first = first_rows(lengths);
  if (past.defined()) first = first.sub_(past);
  const int64_t rows = lengths.sum().item<int64_t>();
  return at::arange(rows).sub_(first.repeat_interleave(lengths));
}

at::Tensor first_rows(const at::Tensor& lengths) {
  return lengths.cumsum(0).sub_(lengths);
}

at::Tensor last_rows(const at::Tensor& lengths) {
  return lengths.cumsum(0).sub_(1);
}

at::Tensor sequence_of_rows(const at::Tensor& lengths) {
  return at::arange(lengths.size(0)).repeat_interleave(lengths);
}

at::Tensor mean_rows(const at::Tensor& x, const at::Tensor& lengths) {
  const auto wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor sums = at::zeros({lengths.size(0), x.size(1)}, x.options().dtype(wide))
                              .index_add(0, sequence_of_rows(lengths).to(x.device()), x.to(wide));
  const at::Tensor counts = lengths.to(x.device(), wide).unsqueeze(1);
  return (sums / counts).to(x.scalar_type());
}

}  // namespace graft::nn
