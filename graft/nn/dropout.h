#pragma once

#include <ATen/core/Tensor.h>

#include "graft/nn/context.h"

namespace graft::nn {

/// Srivastava et al. 2014: zeroes with probability p and scales the rest, in blocks that train.
at::Tensor dropout(const at::Tensor& x, double p, const Context& context);

/// Stochastic depth (Huang et al. 2016): drops whole samples of a residual branch.
at::Tensor drop_path(const at::Tensor& x, double p, const Context& context);

}  // namespace graft::nn
