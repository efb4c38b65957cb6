#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "graft/nn/context.h"
#include "graft/nn/relative_positions.h"

namespace graft::nn {

/// Relative positions as a layer sees them: projected rows [rows.count, heads d]. Where a model has
/// one of the products not, its tensor is undefined.
struct RelativeTerms {
  at::Tensor keys;     ///< meet the queries of tokens ("c2p")
  at::Tensor queries;  ///< meet the keys of tokens ("p2c")
  RelativeRows rows;
};

struct DisentangledAttention {
  int64_t heads = 1;
  double scale = 1;    ///< of the sum of the products
  double dropout = 0;  ///< of probabilities, in blocks that train
};

/// Disentangled attention (He et al. 2020) within texts that lie one after the other: query i gives
/// softmax_j(scale (q_i k_j + q_i keys_{i-j} + queries_{i-j} k_j)) v. k and v are [T, heads d];
/// `lengths` [B] int64 on the CPU are the texts'. q is [T, heads d], or where `query_lengths` [B]
/// is given those of so many first tokens of each text; the result is like q.
/// Only real tokens are computed. As in nn::attend, backward computes the scores again: what is
/// kept are the arguments, the result and a number per query and head. No product of all texts with
/// all rows is ever in memory.
at::Tensor attend_disentangled(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const at::Tensor& lengths, const RelativeTerms& relative,
                               const DisentangledAttention& rule, const Context& context,
                               const at::Tensor& query_lengths = {});

}  // namespace graft::nn
