#include "graft/nn/attention.h"

#include <torch/types.h>

#include <cmath>
#include <optional>

#include "graft/nn/cost_meter.h"
#include "graft/nn/dropout.h"

namespace graft::nn {

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     double dropout_rate, const Context& context, const at::Tensor& mask) {
  const int64_t batch = q.size(0);
  const int64_t tokens = q.size(1);
  const int64_t width = q.size(2) / heads;
  const auto split = [&](const at::Tensor& t) {
    return t.view({batch, -1, heads, width}).transpose(1, 2);
  };
  if (CostMeter* meter = CostMeter::active()) {
    const double scores =
        static_cast<double>(batch * tokens) * static_cast<double>(k.size(1) * q.size(2));
    meter->add({context.block, 4 * scores, false, false});
  }
  at::Tensor mixed;
  const bool drops = dropout_rate > 0 && context.random();
  if (drops && q.is_cpu()) {
    // The fused kernel draws from the global generator; masks must come from the run's own, which
    // on a GPU are the same (new_generator).
    at::Tensor scores =
        at::matmul(split(q), split(k).transpose(-2, -1)) / std::sqrt(static_cast<double>(width));
    if (mask.defined()) scores = scores + mask;
    mixed = at::matmul(dropout(at::softmax(scores, -1), dropout_rate, context), split(v));
  } else {
    const std::optional<at::Tensor> added =
        mask.defined() ? std::make_optional(mask) : std::nullopt;
    mixed = at::scaled_dot_product_attention(split(q), split(k), split(v), added,
                                             drops ? dropout_rate : 0);
  }
  return mixed.transpose(1, 2).reshape({batch, tokens, heads * width});
}

}  // namespace graft::nn
