#pragma once

#include <cstdint>

#include "graft/base/simd.h"

namespace graft::nn {

/// What turns a row of products q k^T into probabilities.
struct ScoreRule {
  float scale;        ///< z = scale * product
  float cap = 0;      ///< z = cap * tanh(z / cap) where > 0
  uint32_t drop = 0;  ///< dropout: an entry stays where its hash is at least this
  float kept = 1;     ///< what stays is multiplied by this
};

/// The innermost loops of attention, over the keys [begin, end) of one query's row of n.
/// `seed` is the row's own; entries are dropped by a hash of (seed, key), so that no mask is kept.
struct AttentionLines {
  /// Products → probabilities, dropout included; zero outside [begin, end). Returns the logarithm
  /// of the sum of exponentials.
  float (*probabilities)(float* row, int64_t n, int64_t begin, int64_t end, const ScoreRule& rule,
                         uint32_t seed);
  /// `row`: products → probabilities as above. `grad`: gradients of these → gradients of the
  /// products; `inner` is the sum over keys of gradient times probability.
  void (*backward)(float* row, float* grad, int64_t n, int64_t begin, int64_t end,
                   const ScoreRule& rule, uint32_t seed, float log_sum, float inner);
};

const AttentionLines& attention_lines(Simd level = simd_level());

}  // namespace graft::nn
