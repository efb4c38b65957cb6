#pragma once

#include <ATen/core/Tensor.h>

#include <array>

namespace graft::models {

/// How far a box is from another, as a network says it (Girshick et al. 2013, arXiv:1311.2524): the
/// shift of the centre against the sides, and the logarithm of the sides' quotients, each times a
/// weight.
struct BoxCoder {
  std::array<double, 4> weights{1, 1, 1, 1};  ///< x, y, width, height

  /// What leads from `from` to `to`, all [N, 4].
  at::Tensor encode(const at::Tensor& to, const at::Tensor& from) const;
  /// Where `offsets` [..., 4] lead to from boxes `from` [..., 4], which broadcast. Boxes grow 62.5
  /// fold (1000 / 16) at most.
  at::Tensor decode(const at::Tensor& offsets, const at::Tensor& from) const;
};

/// Boxes [..., 4] cut at the borders of a picture.
at::Tensor cut_at_borders(const at::Tensor& boxes, int64_t height, int64_t width);

}  // namespace graft::models
