#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace graft::nn {

/// How far a box is from the one that it should be: 1 - overlap is the loss.
enum class Overlap : uint8_t {
  iou,   ///< intersection over union, from 0 to 1
  giou,  ///< less the empty share of the box around both (Rezatofighi et al. 2019,
         ///< arXiv:1902.09630)
  diou,  ///< less the distance of the centres against that box's diagonal (Zheng et al. 2020,
         ///< arXiv:1911.08287)
  ciou   ///< less what the proportions differ as well (the same paper)
};

/// Of boxes `a` and `b` [N, 4] (x0, y0, x1, y1, in any unit), row by row: [N]. Differentiable, also
/// where boxes do not meet (but for plain iou) or are empty. The weight of ciou's last term is a
/// constant to the gradient, as in the paper.
at::Tensor overlap(const at::Tensor& a, const at::Tensor& b, Overlap kind);

/// Intersection over union of every box of `a` [N, 4] with every one of `b` [M, 4]: [N, M].
at::Tensor pairwise_iou(const at::Tensor& a, const at::Tensor& b);

}  // namespace graft::nn
