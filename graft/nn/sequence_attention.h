#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "graft/nn/context.h"

namespace graft::nn {

/// How attention within sequences works.
struct SequenceAttention {
  static constexpr int64_t kFar = std::numeric_limits<int32_t>::max();

  int64_t heads = 1;
  int64_t kv_heads = 1;  ///< each serves heads / kv_heads query heads (Ainslie et al. 2023)
  int64_t left = kFar;   ///< a query at i sees keys from i - left …
  int64_t right = kFar;  ///< … to i + right; 0 is causal
  double scale = 0;      ///< of the products; 0: 1 / sqrt(width of a head)
  double soft_cap = 0;   ///< > 0: scores are cap * tanh(score / cap) (Gemma 2)
  double dropout = 0;    ///< of probabilities, in blocks that train
};

/// softmax(q k^T) v within sequences that lie one after the other: q [T, heads d], k and v
/// [S, kv_heads d]; `lengths` [B] int64 on the CPU are the sequences' queries. Where
/// `key_lengths` is given (generation, or where not all queries are wanted), a sequence has that
/// many keys and its queries are the last of them; else as many as queries. They lie one after the
/// other as well, or from the rows `key_rows` [B] on, without gradients (nn/key_value_cache.h).
/// Only real tokens are computed, and only what backward needs (q, k, v, the output and a number
/// per query and head) is kept, as in Dao et al. 2022. The result is [T, heads d].
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const at::Tensor& lengths, const SequenceAttention& rule, const Context& context,
                  const at::Tensor& key_lengths = {}, const at::Tensor& key_rows = {});

}  // namespace graft::nn
