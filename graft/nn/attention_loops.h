#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "graft/nn/attention_lines.h"
#include "graft/nn/sequence_attention.h"

namespace graft::nn {

/// Where a sequence lies among the rows of q and of k.
struct AttendedRows {
  int64_t query, queries, key, keys;
  bool operator==(const AttendedRows&) const = default;
};

/// What the loops need to know, beside the tensors.
struct AttentionPlan {
  static constexpr int64_t kTile = 64;  ///< queries whose products are in memory at a time

  std::vector<AttendedRows> sequences;
  std::vector<size_t> order;  // the longest first, so that threads end together
  SequenceAttention rule;
  ScoreRule scores;
  uint64_t seed = 0;
  int64_t width = 0;
  double products = 0;

  struct Keys {
    int64_t begin, end;
  };
  /// The keys that query i of s sees.
  Keys keys(const AttendedRows& s, int64_t i) const {
    const int64_t position = s.keys - s.queries + i;
    return {std::max<int64_t>(0, position - rule.left),
            std::min<int64_t>(s.keys, position + rule.right + 1)};
  }
  /// Of dropout; 0 where nothing is dropped.
  uint32_t row_seed(int64_t query_row, int64_t head) const;
  /// Query heads that share keys and values.
  int64_t group() const { return rule.heads / rule.kv_heads; }
};

AttentionPlan plan_attention(const at::Tensor& q, std::vector<AttendedRows> sequences,
                             const SequenceAttention& rule, uint64_t seed);

/// `out` like q, and the logarithm of the sum of exponentials of each query and head [T, heads].
/// Rows of all tensors may lie at any distance, their numbers are neighbours.
void attention_forward(const AttentionPlan& plan, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, const at::Tensor& out, float* log_sums);
/// `g` and `out` like q.
void attention_backward(const AttentionPlan& plan, const at::Tensor& g, const at::Tensor& q,
                        const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                        const float* log_sums, const at::Tensor& dq, const at::Tensor& dk,
                        const at::Tensor& dv);

}  // namespace graft::nn
