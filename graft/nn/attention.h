#pragma once

#include <ATen/core/Tensor.h>

#include "graft/nn/context.h"

namespace graft::nn {

/// softmax(q k^T / sqrt(d)) v over `heads` heads (Vaswani et al. 2017); q, k, v and the result are
/// [B, S, heads * d]. `dropout` acts on the probabilities in blocks that train.
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     double dropout, const Context& context);

}  // namespace graft::nn
