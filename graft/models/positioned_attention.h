#pragma once

#include "graft/nn/context.h"
#include "graft/nn/linear.h"

namespace graft::models {

/// Self-attention in which places are added to what queries and keys read, but not to the values
/// (Carion et al. 2020, arXiv:2005.12872): q_proj, k_proj, v_proj and o_proj.
class PositionedAttention {
 public:
  PositionedAttention(const nn::Scope& scope, int64_t width, int64_t heads, double dropout);
  /// x [B, S, width]; `positions` broadcasts to it, and either of `positions` and `mask` (added to
  /// the scores) may be undefined.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& positions, const at::Tensor& mask,
                        const nn::Context& context) const;

 private:
  int64_t heads_;
  double dropout_;
  nn::LinearGroup queries_keys_;
  nn::Linear values_, result_;
};

}  // namespace graft::models
