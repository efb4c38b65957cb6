#include "graft/nn/conv.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/nn/cost_meter.h"
#include "graft/nn/linear.h"
#include "graft/tensor/phantom.h"

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class FrozenConvolution : public torch::autograd::Function<FrozenConvolution> {
 public:
  // Autograd takes an absent bias only as an optional.
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                            at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
    ctx->save_for_backward({weight});
    ctx->saved_data["shape"] = x.sizes().vec();
    ctx->saved_data["channels_last"] = x.is_contiguous(at::MemoryFormat::ChannelsLast);
    ctx->saved_data["stride"] = stride.vec();
    ctx->saved_data["padding"] = padding.vec();
    ctx->saved_data["dilation"] = dilation.vec();
    ctx->saved_data["groups"] = groups;
    return at::conv2d(x, weight, bias, stride, padding, dilation, groups);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const at::Tensor weight = ctx->get_saved_variables()[0];
    const at::Tensor& g = grads[0];
    // Of x only shape and layout matter for its own gradient.
    const at::Tensor x = phantom(ctx->saved_data["shape"].toIntVector(), g.options(),
                                 ctx->saved_data["channels_last"].toBool());
    const auto result = at::convolution_backward(
        g, x, weight, c10::nullopt, ctx->saved_data["stride"].toIntVector(),
        ctx->saved_data["padding"].toIntVector(), ctx->saved_data["dilation"].toIntVector(), false,
        {0, 0}, ctx->saved_data["groups"].toInt(), {true, false, false});
    return {std::get<0>(result), {}, {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor frozen_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              at::IntArrayRef stride, at::IntArrayRef padding,
                              at::IntArrayRef dilation, int64_t groups) {
  const std::optional<at::Tensor> shift = bias.defined() ? std::make_optional(bias) : std::nullopt;
  return FrozenConvolution::apply(x, weight, shift, stride, padding, dilation, groups);
}

at::Tensor pad_input(const at::Tensor& x, const std::array<int64_t, 2>& padding,
                     const std::string& mode) {
  const std::array<int64_t, 4> sides{padding[1], padding[1], padding[0], padding[0]};
  return at::pad(x, sides, mode == "zeros" ? "constant" : mode);
}

Conv2d::Conv2d(const Scope& scope, const ConvOptions& options)
    : path_(scope.path()),
      block_(scope.block()),
      options_(options),
      weight_(at::zeros(
                  {options.out, options.in / options.groups, options.kernel[0], options.kernel[1]})
                  .contiguous(at::MemoryFormat::ChannelsLast)) {
  GRAFT_ASSERT(options.in % options.groups == 0 && options.out % options.groups == 0);
  if (options.bias) bias_ = at::zeros({options.out});
  scope.add("weight", weight_, Role::weight);
  if (options.bias) scope.add("bias", bias_, Role::bias);
  scope.add(*this);
}

at::Tensor Conv2d::pad(const at::Tensor& x) const {
  if (!options_.same_padding) {
    return options_.padding_mode == "zeros" ? x
                                            : pad_input(x, options_.padding, options_.padding_mode);
  }
  std::array<int64_t, 4> sides{};  // left, right, top, bottom
  bool any = false;
  for (int axis = 0; axis < 2; ++axis) {
    const int64_t size = x.size(2 + axis);
    const int64_t stride = options_.stride[axis];
    const int64_t rest = size % stride == 0 ? stride : size % stride;
    const int64_t along = std::max<int64_t>(options_.kernel[axis] - rest, 0);
    const size_t first = axis == 0 ? 2 : 0;
    sides[first] = along / 2 * options_.dilation[axis];
    sides[first + 1] = (along - along / 2) * options_.dilation[axis];
    any = any || along > 0;
  }
  if (!any) return x;
  return at::constant_pad_nd(x, sides);
}

at::Tensor Conv2d::with(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias) const {
  at::Tensor in = x;
  std::array<int64_t, 2> padding = options_.padding;
  if (options_.same_padding || options_.padding_mode != "zeros") {
    padding = {0, 0};
    // Equal padding on both sides is the convolution's own; only the uneven case needs a copy.
    const int64_t kernel = options_.kernel[0];
    if (options_.same_padding && options_.stride == std::array<int64_t, 2>{1, 1} &&
        kernel % 2 == 1 && options_.kernel[0] == options_.kernel[1]) {
      padding = {kernel / 2 * options_.dilation[0], kernel / 2 * options_.dilation[1]};
    } else {
      in = pad(x);
    }
  }
  const at::Tensor w = cast_like(weight, in);
  const at::Tensor b = cast_like(bias, in);
  at::Tensor y;
  if (at::GradMode::is_enabled() && in.requires_grad() && !weight.requires_grad() &&
      !(bias.defined() && bias.requires_grad())) {
    y = frozen_convolution(in, w, b, options_.stride, padding, options_.dilation, options_.groups);
  } else {
    y = at::conv2d(in, w, b, options_.stride, padding, options_.dilation, options_.groups);
  }
  if (CostMeter* meter = CostMeter::active()) {
    const int64_t fan_in = weight_.numel() / weight_.size(0);
    const int64_t positions = y.numel() / y.size(1);
    meter->add(
        {block_, 2 * static_cast<double>(y.numel()) * static_cast<double>(fan_in), false, true});
    for (const auto& adapter : adapters()) {
      meter->add({block_, adapter->flops(static_cast<double>(positions)), true, true});
    }
  }
  return y;
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  if (adapters().empty()) return with(x, weight_, bias_);
  const at::Tensor in = adapt_input(x);
  const at::Tensor y = with(in, weight_, bias_);
  if (!options_.same_padding) return adapt_output(in, y);
  // Adapters see the input as padded by TensorFlow's rule, with no padding of their own (see
  // site()).
  return adapt_output(pad(in), y);
}

at::Tensor Conv2d::folded(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                          const at::Tensor& scale) const {
  if (adapters().empty()) return with(x, weight, bias);
  const at::Tensor in = adapt_input(x);
  at::Tensor y = with(in, weight, bias);
  const at::Tensor seen = options_.same_padding ? pad(in) : in;
  for (const auto& adapter : adapters()) y = adapter->scaled_output(seen, y, scale);
  return y;
}

Site Conv2d::site() const {
  Site site;
  site.path = path_;
  site.kind = SeamKind::convolution;
  site.block = block_;
  site.in = options_.in;
  site.out = options_.out;
  site.bias = options_.bias;
  site.kernel = options_.kernel;
  site.stride = options_.stride;
  site.padding = options_.same_padding ? std::array<int64_t, 2>{0, 0} : options_.padding;
  site.dilation = options_.dilation;
  site.groups = options_.groups;
  site.padding_mode = options_.padding_mode;
  return site;
}

}  // namespace graft::nn
