#include "graft/nn/activation.h"

#include <torch/types.h>

#include "graft/base/error.h"

namespace graft::nn {

Activation parse_activation(const std::string& name, const std::string& where) {
  if (name == "relu") return Activation::relu;
  if (name == "relu6") return Activation::relu6;
  if (name == "gelu" || name == "gelu_python") return Activation::gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast" ||
      name == "gelu_accurate")
    return Activation::gelu_tanh;
  if (name == "silu" || name == "swish") return Activation::silu;
  if (name == "mish") return Activation::mish;
  if (name == "tanh") return Activation::tanh;
  if (name == "sigmoid") return Activation::sigmoid;
  fail_unreadable(
      "{}: the activation '{}' is not supported; known: relu, relu6, gelu, gelu_new, silu, mish, "
      "tanh, sigmoid",
      where, name);
}

at::Tensor activate(Activation kind, at::Tensor x) {
  switch (kind) {
    case Activation::none:
      return x;
    case Activation::relu:
      return at::relu_(x);
    case Activation::relu6:
      return at::hardtanh_(x, 0, 6);
    case Activation::leaky:
      return at::leaky_relu_(x, 0.1);
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::silu:
      return at::silu(x);
    case Activation::mish:
      return at::mish(x);
    case Activation::tanh:
      return at::tanh(x);
    case Activation::sigmoid:
      return at::sigmoid_(x);
  }
  return x;
}

}  // namespace graft::nn
