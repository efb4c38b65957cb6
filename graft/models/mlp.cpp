#include "graft/models/mlp.h"

#include <torch/types.h>

#include "graft/base/error.h"

namespace graft::models {

Mlp::Mlp(const nn::Scope& scope, const std::vector<int64_t>& widths, nn::Activation activation)
    : activation_(activation) {
  GRAFT_ASSERT(widths.size() > 1);
  for (size_t i = 0; i + 1 < widths.size(); ++i)
    layers_.push_back(std::make_unique<nn::Linear>(scope / "layers" / std::to_string(i), widths[i],
                                                   widths[i + 1]));
}

at::Tensor Mlp::operator()(at::Tensor x) const {
  for (const auto& layer : layers_) {
    x = (*layer)(x);
    if (layer != layers_.back()) x = nn::activate(activation_, x);
  }
  return x;
}

}  // namespace graft::models
