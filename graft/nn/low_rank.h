#pragma once

#include <ATen/core/Tensor.h>

namespace graft::nn {

/// y += scale * low b^T, by pixel: y [B, out, H, W] and low [B, r, H, W] channels-last, b [out, r].
/// Written into y, which must not be a view nor be kept for another backward pass; returns y.
at::Tensor add_low_rank(const at::Tensor& y, const at::Tensor& low, const at::Tensor& b,
                        double scale);

}  // namespace graft::nn
