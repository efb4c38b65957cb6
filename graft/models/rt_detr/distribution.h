#pragma once

#include <ATen/core/Tensor.h>

#include "graft/models/rt_detr/settings.h"

namespace graft::models::rtdetr {

/// The shifts that the `bins` + 1 numbers of a distribution stand for: close together in the
/// middle, where they are 0, and wide apart at the ends (Peng et al. 2024, arXiv:2410.13842,
/// equation 4). [bins + 1] of `like`'s type.
at::Tensor shifts(const Settings& settings, const at::Tensor& like);

/// The mean shift of each edge: `corners` [..., 4 (bins + 1)] are logits; [..., 4].
at::Tensor mean_shifts(const at::Tensor& corners, const at::Tensor& shifts);

/// Boxes [..., 4], centre and size, whose edges left, top, right and bottom lie `shifts` [..., 4]
/// further from the centre of `references` than a half; the unit is a side over `reg_scale`.
at::Tensor shifted(const at::Tensor& references, const at::Tensor& shifts, double reg_scale);

/// The distributions that boxes should have: of the edges of each of N boxes [N, 4], corners,
/// around references [N, 4], the two neighbouring shifts between which they lie. [4 N] each.
struct Wanted {
  at::Tensor below;        ///< int64: number of the lower one
  at::Tensor share_below;  ///< how near it is, from 0 to 1; the rest belongs to the next one
  at::Tensor share_above;
};
Wanted wanted_distributions(const at::Tensor& references, const at::Tensor& corners,
                            const Settings& settings);

}  // namespace graft::models::rtdetr
