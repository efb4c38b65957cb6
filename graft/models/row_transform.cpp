#include "graft/models/row_transform.h"

#include <torch/types.h>

namespace graft::models {

RowTransform::RowTransform(const nn::Scope& scope, const TransformSettings& s)
    : dense_(scope / s.dense, s.in, s.out, s.dense_bias),
      activation_(s.activation),
      norm_(scope / s.norm, s.out, s.eps, s.norm_bias) {}

at::Tensor RowTransform::operator()(const at::Tensor& x) const {
  return norm_(nn::activate(activation_, dense_(x)));
}

}  // namespace graft::models
