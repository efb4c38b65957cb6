#pragma once

#include <ATen/core/Tensor.h>

namespace graft::nn {

/// Rows of x [T, width], each as often as `rows` [S] int64 (on x's device) names it: [S, width].
/// Gradients of a row that was taken several times are added in float32 at least, in the order in
/// which it was taken.
at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& rows);

}  // namespace graft::nn
