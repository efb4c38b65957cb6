#pragma once

#include <ATen/core/Tensor.h>

#include "graft/nn/context.h"

namespace graft::nn {

/// softmax(q k^T / sqrt(d)) v over `heads` heads (Vaswani et al. 2017); q, k, v and the result are
/// [B, S, heads * d]. `dropout` acts on the probabilities in blocks that train. `mask`, which may
/// be undefined, is added to the scores: it has their type and a shape that broadcasts to [B,
/// heads, Sq, Sk].
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     double dropout, const Context& context, const at::Tensor& mask = {});

}  // namespace graft::nn
