#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace graft::nn {

enum class Activation { none, relu, relu6, gelu, gelu_tanh, silu, tanh };

/// Names as Hugging Face configs use them ("relu", "relu6", "gelu", "gelu_new", "silu", …); `where`
/// names the config in errors.
Activation parse_activation(const std::string& name, const std::string& where);

/// May overwrite `x` where its gradient does not need the old values (relu, relu6): pass a tensor
/// that nobody else reads.
at::Tensor activate(Activation kind, at::Tensor x);

}  // namespace graft::nn
