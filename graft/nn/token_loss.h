#pragma once

#include <ATen/core/Tensor.h>

namespace graft::nn {

/// Cross entropy of tokens.
struct TokenLoss {
  at::Tensor sum;     ///< scalar, float32: what backward usually runs on
  at::Tensor losses;  ///< [N] float32: of each learned row, in order
  at::Tensor hits;    ///< [N] bool: whether no token is likelier than the right one
};

/// What a low-rank update of the output matrix adds to its logits, low b^T; undefined: nothing.
struct LowRankLogits {
  at::Tensor low;  ///< [T, r]
  at::Tensor b;    ///< [V, r]
};

/// Of logits x weight^T + bias with x [T, width], weight [V, width], bias [V] or undefined, and
/// targets [T] int64; rows with a target below 0 are not learned and never meet the matrix. `cap` >
/// 0: logits are cap * tanh(logit / cap).
///
/// Logits are made some rows at a time and their gradients in the same pass, so that memory does
/// not grow with rows times V (after Wijmans et al. 2024, arXiv:2411.09009). Backward may run once.
/// From the sum it only scales what is there; from `losses`, whose rows have gradients of their
/// own, it scales the rows of x, and where weight or bias learn it makes the logits once more.
TokenLoss token_loss(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& targets,
                     double cap = 0, const at::Tensor& bias = {}, const LowRankLogits& update = {});

}  // namespace graft::nn
