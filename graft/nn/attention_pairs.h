#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "graft/nn/attention_loops.h"

namespace graft::nn {

/// Room that a thread keeps from one head to the next.
struct AttentionScratch {
  std::vector<float> floats;
  std::vector<uint32_t> pairs;
};

/// Whether a sequence goes by bfloat16 tiles (tensor/pair_gemm.h). It depends on the sequence
/// alone, so that what lies beside it changes nothing. A few queries over many keys (generation)
/// are not worth the keys' rearrangement.
bool takes_pairs(const AttentionPlan& plan, const AttendedRows& s, const at::Tensor& q);

/// The query heads [first, last), which share keys and values.
void forward_by_pairs(const AttentionPlan& plan, const AttendedRows& s, int64_t first, int64_t last,
                      const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                      const at::Tensor& out, float* log_sums, AttentionScratch& scratch);

/// Gradients of the query heads that share keys and values `kv`.
void backward_by_pairs(const AttentionPlan& plan, const AttendedRows& s, int64_t kv,
                       const at::Tensor& g, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, const at::Tensor& out, const float* log_sums,
                       const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                       AttentionScratch& scratch);

}  // namespace graft::nn
