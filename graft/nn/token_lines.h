#pragma once

#include <cstdint>

#include "graft/base/simd.h"
#include "graft/nn/stored.h"

namespace graft::nn {

/// What a gate does to its numbers.
enum class Gate { silu, gelu_tanh };

/// The largest of some logits, and the sum of exp(x - largest). Not a number where a logit is not.
struct SoftmaxSum {
  float largest, sum;
};

/// The innermost loops of a decoder layer beside its products, over one row of `n` numbers.
template <typename Type>
struct TokenLines {
  using T = typename Type::Stored;
  /// y = x * weight / sqrt(mean(x^2) + eps); returns the factor 1 / sqrt(…).
  float (*rms_norm)(const T* x, int64_t n, const float* weight, float eps, T* y);
  /// dx of it; adds g * x * factor to `weight_gradient` where that is not null.
  void (*rms_norm_backward)(const T* g, const T* x, int64_t n, const float* weight, float factor,
                            T* dx, float* weight_gradient);
  /// y = act(gate) * up
  void (*gated)(Gate kind, const T* gate, const T* up, int64_t n, T* y);
  void (*gated_backward)(Gate kind, const T* g, const T* gate, const T* up, int64_t n, T* dgate,
                         T* dup);
  /// Heads of `width` numbers: of the first 2 * half of them, i turns against i + half by the
  /// angle whose cosine and sine are given, `direction` 1 or -1; the rest is copied.
  void (*rotate)(const T* x, int64_t heads, int64_t width, int64_t half, const T* cosine,
                 const T* sine, float direction, T* y);
  SoftmaxSum (*softmax_sum)(const T* x, int64_t n);
  /// Logits become the gradients of their cross-entropy: scale * (softmax(x) - [i == target]).
  void (*softmax_gradient)(T* x, int64_t n, SoftmaxSum of, int64_t target, float scale);
};

template <typename Type>
const TokenLines<Type>& token_lines(Simd level = simd_level());

}  // namespace graft::nn
