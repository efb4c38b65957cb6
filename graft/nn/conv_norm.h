#pragma once

#include "graft/nn/activation.h"
#include "graft/nn/conv.h"
#include "graft/nn/norm.h"

namespace graft::nn {

/// Convolution, batch norm, residual, activation: the unit of convolutional networks. Where the
/// norm is frozen and neither it nor the convolution trains, the norm is folded into the
/// convolution's weight.
class ConvNorm {
 public:
  /// Registers "<scope>.convolution" and "<scope>.normalization" (or the given names).
  ConvNorm(const Scope& scope, const ConvOptions& conv, Activation activation, double eps,
           double momentum, const std::string& conv_name = "convolution",
           const std::string& norm_name = "normalization", NormKind kind = NormKind::batch);
  /// activation(norm(convolution(x)) + residual); without a residual when it is undefined.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& residual = {});
  Conv2d& convolution() { return conv_; }

 private:
  bool trains();
  void fold(at::ScalarType type);

  Conv2d conv_;
  BatchNorm norm_;
  Activation activation_;
  at::Tensor folded_weight_, folded_bias_, folded_scale_;
  uint64_t folded_version_ = 0;
  bool folded_ = false;
};

}  // namespace graft::nn
