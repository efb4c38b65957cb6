#pragma once

#include "graft/nn/context.h"
#include "graft/nn/linear.h"
#include "graft/nn/token_loss.h"

namespace graft::nn {

/// token_loss of what an output matrix and the adapters on it make of x [T, width]. One low-rank
/// update (LoRA on the output matrix) keeps to what token_loss promises of memory; other adapters
/// need the whole logits of the learned rows.
TokenLoss output_loss(const Linear& output, const at::Tensor& x, const at::Tensor& targets,
                      double cap, const Context& context);

}  // namespace graft::nn
