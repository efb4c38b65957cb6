#pragma once

#include <ATen/core/Tensor.h>

#include "graft/nn/activation.h"

namespace graft::nn {

/// Running statistics of a batch norm; `mean` and `var` [C] in float32.
struct NormStatistics {
  at::Tensor mean, var;
  bool from_batch = false;  ///< normalise by the batch's own, and move the running ones
  double momentum = 0.1, eps = 1e-5;
};

/// Whether norm_activation has loops for this: channels-last pixels on the CPU in float32 or
/// bfloat16, and no activation but relu and relu6.
bool has_norm_loops(const at::Tensor& x, Activation activation);

/// activation(batch_norm(x) + residual) as one node: x [B, C, H, W] is read twice forward and twice
/// backward, and nothing is kept for the backward pass but x itself and, where a residual was
/// added, the output. weight and bias [C]; `residual` may be undefined.
at::Tensor norm_activation(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const NormStatistics& statistics, Activation activation,
                           const at::Tensor& residual);

}  // namespace graft::nn
