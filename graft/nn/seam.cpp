#include "graft/nn/seam.h"

#include <ATen/core/grad_mode.h>

namespace graft::nn {

void Seam::merge() {
  const at::NoGradGuard no_grad;
  for (const auto& adapter : adapters_) {
    at::Tensor w = weight().detach().clone();
    at::Tensor b = bias().defined() ? bias().detach().clone() : at::Tensor();
    adapter->merge(w, b);
    weight().copy_(w);
    if (bias().defined()) bias().copy_(b);
  }
  adapters_.clear();
}

}  // namespace graft::nn
