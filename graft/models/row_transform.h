#pragma once

#include <string>

#include "graft/nn/activation.h"
#include "graft/nn/linear.h"
#include "graft/nn/norm.h"

namespace graft::models {

/// Where a transform lies, and what it is made of.
struct TransformSettings {
  std::string dense, norm;  ///< paths
  int64_t in, out;          ///< widths
  nn::Activation activation;
  double eps;
  bool dense_bias = true, norm_bias = true;
};

/// norm(activation(dense(x))): what stands between an encoder and what is said of its rows.
class RowTransform {
 public:
  /// Paths are below `scope`.
  RowTransform(const nn::Scope& scope, const TransformSettings& settings);
  /// [N, in] → [N, out].
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  nn::Linear dense_;
  nn::Activation activation_;
  nn::LayerNorm norm_;
};

}  // namespace graft::models
