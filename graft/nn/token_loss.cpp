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

/// What becomes of the logits of some rows. The logits turn into their gradients in place: every
/// pass over them counts.
struct Rows {
  at::Tensor losses;     ///< [n]
  at::Tensor hits;       ///< [n]
  at::Tensor gradients;  ///< [n, V] of the losses, in the type of x
};

/// `scale` [n], where it is defined, multiplies the gradients row by row.
Rows take_losses(const Logits& logits, const at::Tensor& targets, at::ScalarType type,
                 bool gradients, const at::Tensor& scale = {}) {
  const at::Tensor wanted = targets.unsqueeze(1);
  Rows rows;
  const at::Tensor right = logits.values.gather(1, wanted);
  const at::Tensor highest = logits.values.amax(1, true);
  at::Tensor g = logits.values.sub_(highest).exp_();
  const at::Tensor sums = g.sum(1, true);
  rows.hits = right.eq(highest).squeeze(1);
  rows.losses = (highest + sums.log() - right).squeeze(1);
  if (!gradients) return rows;
  g.div_(sums);
  g.scatter_add_(1, wanted, at::full({wanted.size(0), 1}, -1, g.options()));
  if (logits.slope.defined()) g.mul_(logits.slope);
  if (scale.defined()) g.mul_(scale.unsqueeze(1));
  rows.gradients = g.to(type);
  return rows;
}

/// Calls `part(first, n)` for as many rows at a time as may have logits.
template <class Part>
void for_some_rows(int64_t rows, int64_t vocabulary, const Part& part) {
  const int64_t step = std::max<int64_t>(1, kLogitsAtATime / vocabulary);
  for (int64_t first = 0; first < rows; first += step) part(first, std::min(step, rows - first));
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
    for_some_rows(rows, weight.size(0), [&](int64_t first, int64_t n) {
      const at::Tensor some = x.narrow(0, first, n);
      const Rows made = take_losses(logits_of(some, w, cap), targets.narrow(0, first, n),
                                    x.scalar_type(), wants_x || wants_weight);
      hits.narrow(0, first, n).copy_(made.hits);
      losses.narrow(0, first, n).copy_(made.losses);
      if (wants_x) grad_x.narrow(0, first, n).copy_(made.gradients.mm(w));
      if (wants_weight) grad_weight.add_(made.gradients.t().mm(some));
    });
    variable_list saved{grad_x, grad_weight};
    // Only the weight's gradient needs more than the rows' own.
    if (wants_weight) saved.insert(saved.end(), {x, weight, targets});
    ctx->save_for_backward(saved);
    ctx->saved_data["cap"] = cap;
    ctx->set_materialize_grads(false);
    ctx->mark_non_differentiable({hits});
    return {losses.sum(), losses, hits};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor& grad_x = saved[0];
    const at::Tensor& grad_weight = saved[1];
    const at::Tensor& of_sum = grads[0];
    const at::Tensor& of_rows = grads[1];
    variable_list result(4);
    if (!of_sum.defined() && !of_rows.defined()) return result;
    if (!of_rows.defined()) {
      if (grad_x.defined()) result[0] = (grad_x * of_sum).to(grad_x.scalar_type());
      if (grad_weight.defined()) result[1] = (grad_weight * of_sum).to(saved[3].scalar_type());
      return result;
    }
    const at::Tensor scale = of_sum.defined() ? of_rows + of_sum : of_rows;
    if (grad_x.defined()) result[0] = (grad_x * scale.unsqueeze(1)).to(grad_x.scalar_type());
    if (grad_weight.defined())
      result[1] = weight_gradient(ctx->saved_data["cap"].toDouble(), saved, scale);
    return result;
  }

 private:
  /// Of rows that count differently. The logits are made anew: nothing holds them.
  static at::Tensor weight_gradient(double cap, const variable_list& saved,
                                    const at::Tensor& scale) {
    const at::Tensor& x = saved[2];
    const at::Tensor& weight = saved[3];
    const at::Tensor& targets = saved[4];
    const at::NoGradGuard no_grad;
    const at::Tensor w = cast_like(weight, x);
    at::Tensor sum = saved[1].zero_();  // the room of the sum's, which is not asked for
    for_some_rows(x.size(0), weight.size(0), [&](int64_t first, int64_t n) {
      const at::Tensor some = x.narrow(0, first, n);
      const Rows made = take_losses(logits_of(some, w, cap), targets.narrow(0, first, n),
                                    x.scalar_type(), true, scale.narrow(0, first, n));
      sum.add_(made.gradients.t().mm(some));
    });
    return sum.to(weight.scalar_type());
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
