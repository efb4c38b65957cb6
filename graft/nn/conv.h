#pragma once

#include <array>

#include "graft/nn/seam.h"

namespace graft::nn {

struct ConvOptions {
  int64_t in = 0;
  int64_t out = 0;
  std::array<int64_t, 2> kernel{1, 1}, stride{1, 1}, padding{0, 0}, dilation{1, 1};
  int64_t groups = 1;
  bool bias = false;
  std::string padding_mode = "zeros";  ///< zeros, reflect, replicate, circular
  bool same_padding = false;  ///< TensorFlow's rule: pads by the input size, more at the end
};

/// Two-dimensional convolution; x [B, in, H, W], W [out, in/groups, kh, kw], channels-last inside.
class Conv2d final : public Seam {
 public:
  Conv2d(const Scope& scope, const ConvOptions& options);
  at::Tensor operator()(const at::Tensor& x) const;
  /// The same product with another weight and bias (a folded norm); adapters do not act.
  at::Tensor with(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) const;
  /// operator() followed by a norm of factor `scale` [out] that is folded into `weight` and `bias`.
  /// Every adapter must have scales().
  at::Tensor folded(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    const at::Tensor& scale) const;

  Site site() const override;
  at::Tensor& weight() override { return weight_; }
  at::Tensor& bias() override { return bias_; }
  const ConvOptions& options() const { return options_; }

 private:
  at::Tensor pad(const at::Tensor& x) const;

  std::string path_;
  int block_;
  ConvOptions options_;
  at::Tensor weight_, bias_;
};

/// x [B, in, H, W] padded as `options` says, where the convolution itself cannot do it.
at::Tensor pad_input(const at::Tensor& x, const std::array<int64_t, 2>& padding,
                     const std::string& mode);

/// Convolution whose weight does not train: nothing of x is kept for the backward pass.
at::Tensor frozen_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              at::IntArrayRef stride, at::IntArrayRef padding,
                              at::IntArrayRef dilation, int64_t groups);

}  // namespace graft::nn
