#include "graft/models/positioned_attention.h"

#include <torch/types.h>

#include "graft/nn/attention.h"

namespace graft::models {

PositionedAttention::PositionedAttention(const nn::Scope& scope, int64_t width, int64_t heads,
                                         double dropout)
    : heads_(heads),
      dropout_(dropout),
      queries_keys_(scope, {"q_proj", "k_proj"}, width, width, true),
      values_(scope / "v_proj", width, width),
      result_(scope / "o_proj", width, width) {}

at::Tensor PositionedAttention::operator()(const at::Tensor& x, const at::Tensor& positions,
                                           const at::Tensor& mask,
                                           const nn::Context& context) const {
  const auto queries_keys = queries_keys_(positions.defined() ? x + positions : x);
  return result_(
      nn::attention(queries_keys[0], queries_keys[1], values_(x), heads_, dropout_, context, mask));
}

}  // namespace graft::models
