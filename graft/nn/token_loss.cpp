#include "graft/nn/token_loss.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/nn/linear.h"

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kLogitsAtATime = int64_t{1} << 22;  // 16 MiB in float32

/// Logits of some rows in float32, and the slope of the cap where there is one.
struct Logits {
  at::Tensor values, slope;
};

Logits logits_of(const at::Tensor& x, const at::Tensor& weight, double cap) {
  Logits logits;
  logits.values = x.mm(weight.t());
  if (at::isReducedFloatingType(logits.values.scalar_type()))
    logits.values = logits.values.to(at::kFloat);
  if (cap > 0) {
    const at::Tensor bent = logits.values.div_(cap).tanh_();
    logits.slope = 1 - bent.square();
    logits.values = bent * cap;
  }
  return logits;
}

class LinearCrossEntropy : public torch::autograd::Function<LinearCrossEntropy> {
 public:
  /// x and targets hold learned rows only.
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                               const at::Tensor& targets, double cap) {
    const bool wants_x = x.requires_grad();
    const bool wants_weight = weight.requires_grad();
    const at::Tensor w = cast_like(weight, x);
    const int64_t rows = x.size(0);
    const auto wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const at::Tensor losses = at::empty({rows}, x.options().dtype(wide));
    const at::Tensor hits = at::empty({rows}, x.options().dtype(at::kBool));
    at::Tensor grad_x = wants_x ? at::empty_like(x) : at::Tensor();
    at::Tensor grad_weight =
        wants_weight ? at::zeros(weight.sizes(), weight.options().dtype(wide)) : at::Tensor();
    const int64_t step = std::max<int64_t>(1, kLogitsAtATime / weight.size(0));
    for (int64_t first = 0; first < rows; first += step) {
      const int64_t n = std::min(step, rows - first);
      const at::Tensor some = x.narrow(0, first, n);
      const at::Tensor wanted = targets.narrow(0, first, n).unsqueeze(1);
      Logits logits = logits_of(some, w, cap);
      // The logits become the gradients in place: every pass over them counts.
      const at::Tensor right = logits.values.gather(1, wanted);
      const at::Tensor highest = logits.values.amax(1, true);
      at::Tensor g = logits.values.sub_(highest).exp_();
      const at::Tensor sums = g.sum(1, true);
      hits.narrow(0, first, n).copy_(right.eq(highest).squeeze(1));
      losses.narrow(0, first, n).copy_((highest + sums.log() - right).squeeze(1));
      if (!wants_x && !wants_weight) continue;
      g.div_(sums);
      g.scatter_add_(1, wanted, at::full({n, 1}, -1, g.options()));
      if (cap > 0) g.mul_(logits.slope);
      g = g.to(x.scalar_type());
      if (wants_x) grad_x.narrow(0, first, n).copy_(g.mm(w));
      if (wants_weight) grad_weight.add_(g.t().mm(some));
    }
    ctx->save_for_backward({grad_x, grad_weight});
    ctx->saved_data["type"] = static_cast<int64_t>(weight.scalar_type());
    ctx->mark_non_differentiable({losses, hits});
    return {losses.sum(), losses, hits};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto scaled = [&](const at::Tensor& g, at::ScalarType type) {
      return g.defined() ? (g * grads[0]).to(type) : g;
    };
    const auto type = static_cast<at::ScalarType>(ctx->saved_data["type"].toInt());
    return {saved[0].defined() ? scaled(saved[0], saved[0].scalar_type()) : at::Tensor(),
            scaled(saved[1], type), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

TokenLoss token_loss(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& targets,
                     double cap) {
  GRAFT_ASSERT(x.size(0) == targets.size(0));
  const at::Tensor rows = targets.ge(0).nonzero().squeeze(1);
  const bool all = rows.size(0) == targets.size(0);
  const auto parts = LinearCrossEntropy::apply(all ? x : x.index_select(0, rows), weight,
                                               all ? targets : targets.index_select(0, rows), cap);
  return {parts[0], parts[1], parts[2]};
}

}  // namespace graft::nn
