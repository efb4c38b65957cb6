#include "graft/nn/seam.h"

#include <torch/types.h>

#include "graft/base/error.h"

namespace graft::nn {

void Seam::merge() {
  const at::NoGradGuard no_grad;
  // Digits of a held weight are gone (held_weights.h).
  GRAFT_ASSERT(adapters_.empty() || !at::isReducedFloatingType(weight().scalar_type()));
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
