#include "graft/nn/norm_activation.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <limits>

#include "graft/base/error.h"
#include "graft/nn/cpu_loops.h"
#include "graft/nn/norm_kernels.h"

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr auto kLast = at::MemoryFormat::ChannelsLast;

Bounds bounds_of(Activation activation) {
  switch (activation) {
    case Activation::relu:
      return {0, kInfinity};
    case Activation::relu6:
      return {0, 6};
    default:
      return {-kInfinity, kInfinity};
  }
}

/// Runs f with the loops for x's type.
template <typename F>
void with_kernels(const at::Tensor& x, const F& f) {
  const int64_t channels = x.size(1);
  if (x.scalar_type() == at::kFloat)
    f(NormKernels<Float32>(x.numel() / channels, channels));
  else
    f(NormKernels<BFloat16>(x.numel() / channels, channels));
}

template <typename T>
T* numbers(const at::Tensor& t) {
  return t.defined() ? static_cast<T*>(t.data_ptr()) : nullptr;
}

float* floats(const at::Tensor& t) {
  return t.data_ptr<float>();
}

/// The batch's mean and inverse deviation, moving the running statistics.
std::pair<at::Tensor, at::Tensor> measure(const at::Tensor& x, const NormStatistics& s) {
  at::Tensor mean = at::empty_like(s.mean);
  at::Tensor var = at::empty_like(s.var);
  with_kernels(x, [&](const auto& kernels) {
    using T = typename std::decay_t<decltype(kernels)>::T;
    kernels.moments(numbers<T>(x), floats(mean), floats(var));
  });
  const int64_t per_channel = x.numel() / x.size(1);
  const auto count = static_cast<double>(per_channel);
  // The running variance is the unbiased one, as everywhere.
  s.mean.mul_(1 - s.momentum).add_(mean, s.momentum);
  s.var.mul_(1 - s.momentum).add_(var, s.momentum / std::max(1.0, count - 1));
  return {mean, var.div_(count).add_(s.eps).rsqrt_()};
}

class NormActivation : public torch::autograd::Function<NormActivation> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const std::optional<at::Tensor>& residual,
                            const NormStatistics& statistics, Activation activation) {
    at::Tensor mean = statistics.mean;
    at::Tensor inverse;
    if (statistics.from_batch)
      std::tie(mean, inverse) = measure(x, statistics);
    else
      inverse = at::rsqrt(statistics.var + statistics.eps);
    const at::Tensor scale = weight * inverse;
    const at::Tensor shift = bias - mean * scale;
    const Bounds bounds = bounds_of(activation);
    const at::Tensor y = at::empty_like(x);
    with_kernels(x, [&](const auto& kernels) {
      using T = typename std::decay_t<decltype(kernels)>::T;
      kernels.forward(numbers<T>(x), residual ? numbers<T>(*residual) : nullptr, floats(scale),
                      floats(shift), bounds, numbers<T>(y));
    });
    // The running mean may move before the backward pass.
    const at::Tensor centre = statistics.from_batch ? mean : mean.clone();
    ctx->save_for_backward({x, residual ? y : at::Tensor(), centre, inverse, scale, shift});
    ctx->saved_data["activation"] = static_cast<int64_t>(activation);
    ctx->saved_data["from_batch"] = statistics.from_batch;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &y = saved[1], &mean = saved[2], &inverse = saved[3],
                     &scale = saved[4], &shift = saved[5];
    const bool from_batch = ctx->saved_data["from_batch"].toBool();
    const Bounds bounds = bounds_of(static_cast<Activation>(ctx->saved_data["activation"].toInt()));
    const at::Tensor g = grads[0].to(x.scalar_type()).contiguous(kLast);
    at::Tensor sum = at::empty_like(mean);
    at::Tensor sum_x = at::empty_like(mean);
    const at::Tensor dx = at::empty_like(x);
    const at::Tensor kept = y.defined() ? at::empty_like(x) : at::Tensor();
    with_kernels(x, [&](const auto& kernels) {
      using T = typename std::decay_t<decltype(kernels)>::T;
      kernels.backward_sums(numbers<T>(g), numbers<T>(x), numbers<T>(y), floats(scale),
                            floats(shift), floats(mean), bounds, floats(sum), floats(sum_x));
      // dx = scale (g - mean(g) - xhat mean(g xhat)) where statistics are the batch's, written as
      // a g + b x + c; else scale g.
      at::Tensor b = at::zeros_like(mean);
      at::Tensor c = at::zeros_like(mean);
      if (from_batch) {
        const int64_t per_channel = x.numel() / x.size(1);
        const auto count = static_cast<double>(per_channel);
        b = scale * inverse.square() * sum_x / -count;
        c = scale * sum / -count - b * mean;
      }
      kernels.backward(numbers<T>(g), numbers<T>(x), numbers<T>(y), floats(scale), floats(shift),
                       bounds, floats(scale), floats(b), floats(c), numbers<T>(dx),
                       numbers<T>(kept));
    });
    return {dx, sum_x.mul_(inverse), sum, kept, {}, {}};
  }
};

}  // namespace

bool has_norm_loops(const at::Tensor& x, Activation activation) {
  return has_cpu_loops(x) && x.dim() == 4 && x.numel() > 0 && x.is_contiguous(kLast) &&
         (activation == Activation::none || activation == Activation::relu ||
          activation == Activation::relu6);
}

at::Tensor norm_activation(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const NormStatistics& statistics, Activation activation,
                           const at::Tensor& residual) {
  GRAFT_ASSERT(has_norm_loops(x, activation));
  std::optional<at::Tensor> added;
  if (residual.defined()) added = residual.to(x.scalar_type()).contiguous(kLast);
  return NormActivation::apply(x, weight, bias, added, statistics, activation);
}

}  // namespace graft::nn
