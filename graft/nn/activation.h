#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace graft::nn {

/// `leaky` has the slope 0.1 below zero, as Darknet has it.
enum class Activation { none, relu, relu6, leaky, gelu, gelu_tanh, silu, mish, tanh, sigmoid };

/// Names as Hugging Face configs use them ("relu", "relu6", "gelu", "gelu_new", "silu", …); `where`
/// names the config in errors.
Activation parse_activation(const std::string& name, const std::string& where);

/// May overwrite `x` where its gradient does not need the old values (relu, relu6, leaky, sigmoid):
/// pass a tensor that nobody else reads.
at::Tensor activate(Activation kind, at::Tensor x);

}  // namespace graft::nn
