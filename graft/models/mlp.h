#pragma once

#include <memory>
#include <vector>

#include "graft/nn/activation.h"
#include "graft/nn/linear.h"

namespace graft::models {

/// Linear layers "layers.0", "layers.1" … with an activation between them, as detectors say where a
/// box is.
class Mlp {
 public:
  /// `widths`: of the input, then of each layer's output; at least two.
  Mlp(const nn::Scope& scope, const std::vector<int64_t>& widths,
      nn::Activation activation = nn::Activation::relu);
  at::Tensor operator()(at::Tensor x) const;

 private:
  std::vector<std::unique_ptr<nn::Linear>> layers_;
  nn::Activation activation_;
};

}  // namespace graft::models
