#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "graft/nn/adapter.h"

namespace graft::nn {

/// Of a member of a group of linear layers, or of a single one.
struct MemberUpdate {
  int64_t member;
  LowRank update;
};

/// x W^T + bias with x [..., in], packed weights W [sum of outs, in], and to each member's outputs
/// x a^T b^T * scale added: one product for the weights, one for all a, one for all b, forward and
/// backward alike. Kept for backward are x and the products of rank size. W and bias get no
/// gradient.
at::Tensor low_rank_linear(const at::Tensor& x, const at::Tensor& weight,
                           const std::optional<at::Tensor>& bias, const std::vector<int64_t>& outs,
                           const std::vector<MemberUpdate>& updates);

}  // namespace graft::nn
