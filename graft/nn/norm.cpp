#include "graft/nn/norm.h"

#include <torch/types.h>

#include "graft/nn/context.h"
#include "graft/nn/linear.h"
#include "graft/nn/norm_activation.h"
#include "graft/nn/token_passes.h"

namespace graft::nn {

LayerNorm::LayerNorm(const Scope& scope, int64_t size, double eps, bool bias)
    : weight_(at::ones({size})), eps_(eps) {
  scope.add("weight", weight_, Role::norm_weight);
  if (!bias) return;
  bias_ = at::zeros({size});
  scope.add("bias", bias_, Role::norm_bias);
}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, cast_like(weight_, x), cast_like(bias_, x), eps_);
}

RmsNorm::RmsNorm(const Scope& scope, int64_t size, double eps, bool plus_one)
    : weight_(plus_one ? at::zeros({size}) : at::ones({size})), eps_(eps), plus_one_(plus_one) {
  scope.add("weight", weight_, Role::norm_weight);
}

at::Tensor RmsNorm::operator()(const at::Tensor& x) const {
  return rms_norm(x, weight_, eps_, plus_one_);
}

BatchNorm::BatchNorm(const Scope& scope, int64_t channels, double eps, double momentum,
                     NormKind kind)
    : path_(scope.path()),
      block_(scope.block()),
      weight_(at::ones({channels})),
      bias_(at::zeros({channels})),
      mean_(at::zeros({channels})),
      var_(at::ones({channels})),
      eps_(eps),
      momentum_(momentum) {
  const bool fixed = kind == NormKind::frozen;
  scope.add("weight", weight_, fixed ? Role::buffer : Role::norm_weight);
  scope.add("bias", bias_, fixed ? Role::buffer : Role::norm_bias);
  scope.add("running_mean", mean_, Role::buffer);
  scope.add("running_var", var_, Role::buffer);
  if (fixed) return;
  batches_ = at::zeros({}, at::kLong);
  scope.add("num_batches_tracked", batches_, Role::buffer);
  scope.add(*this);
}

at::Tensor BatchNorm::operator()(const at::Tensor& x, Activation activation,
                                 const at::Tensor& residual) {
  const Context* context = ContextGuard::current();
  const bool again = context && context->again;
  const double momentum = again ? 0 : momentum_;
  if (batch_statistics_ && !again) batches_.add_(1);
  const bool learns =
      at::GradMode::is_enabled() && (weight_.requires_grad() || bias_.requires_grad());
  if ((batch_statistics_ || learns) && has_norm_loops(x, activation)) {
    const NormStatistics statistics{mean_, var_, batch_statistics_, momentum, eps_};
    return norm_activation(x, weight_, bias_, statistics, activation, residual);
  }
  at::Tensor y;
  if (!batch_statistics_ && at::GradMode::is_enabled() && !learns) {
    // As a fixed scale and shift it keeps nothing of x for the backward pass.
    const auto [scale, shift] = affine();
    y = x.mul(cast_like(scale, x).view({1, -1, 1, 1}))
            .add_(cast_like(shift, x).view({1, -1, 1, 1}));
  } else {
    y = at::batch_norm(x, weight_, bias_, mean_, var_, batch_statistics_, momentum, eps_, false);
  }
  if (residual.defined()) y = y.add_(residual);
  return activate(activation, y);
}

BatchNorm::Affine BatchNorm::affine() const {
  const at::Tensor scale = weight_ * at::rsqrt(var_ + eps_);
  return {scale, bias_ - mean_ * scale};
}

}  // namespace graft::nn
