#pragma once

#include <ATen/core/Tensor.h>

namespace graft::nn {

/// Whether our own loops take a tensor of this kind: float32 and bfloat16 on the CPU.
inline bool has_cpu_loops(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

}  // namespace graft::nn
