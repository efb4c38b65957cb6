#include "graft/nn/output_loss.h"

#include <torch/types.h>

#include "graft/nn/dropout.h"

namespace graft::nn {
namespace {

/// Of logits that are there.
TokenLoss loss_of(at::Tensor logits, const at::Tensor& targets, double cap) {
  if (at::isReducedFloatingType(logits.scalar_type())) logits = logits.to(at::kFloat);
  if (cap > 0) logits = (logits / cap).tanh() * cap;
  const at::Tensor losses = at::cross_entropy_loss(logits, targets, {}, at::Reduction::None);
  const at::Tensor right = logits.detach().gather(1, targets.unsqueeze(1)).squeeze(1);
  return {losses.sum(), losses, right.ge(logits.detach().amax(1))};
}

}  // namespace

TokenLoss output_loss(const Linear& output, const at::Tensor& x, const at::Tensor& targets,
                      double cap, const Context& context) {
  const auto& adapters = output.adapters();
  const std::optional<LowRank> update =
      adapters.size() == 1 ? adapters.front()->low_rank() : std::nullopt;
  if (!adapters.empty() && !update) {
    const at::Tensor learned = targets.ge(0).nonzero().squeeze(1);
    return loss_of(output(x.index_select(0, learned)), targets.index_select(0, learned), cap);
  }
  output.count(x);
  LowRankLogits added;
  if (update) {
    const at::Tensor in = dropout(x, update->dropout, context);
    added = {at::linear(in, cast_like(update->a, x)) * update->scale, update->b};
  }
  return token_loss(x, output.weight(), targets, cap, output.bias(), added);
}

}  // namespace graft::nn
