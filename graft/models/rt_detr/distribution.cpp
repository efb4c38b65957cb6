#include "graft/models/rt_detr/distribution.h"

#include <torch/types.h>

#include <cmath>

namespace graft::models::rtdetr {

at::Tensor shifts(const Settings& s, const at::Tensor& like) {
  const double bound = s.up * s.reg_scale;
  const double step = std::pow(bound + 1, 2 / static_cast<double>(s.bins - 2));
  std::vector<double> values{-2 * bound};
  for (int64_t i = s.bins / 2 - 1; i > 0; --i)
    values.push_back(1 - std::pow(step, static_cast<double>(i)));
  values.push_back(0);
  for (int64_t i = 1; i < s.bins / 2; ++i)
    values.push_back(std::pow(step, static_cast<double>(i)) - 1);
  values.push_back(2 * bound);
  return at::tensor(values, at::kDouble).to(like.options());
}

at::Tensor mean_shifts(const at::Tensor& corners, const at::Tensor& shifts) {
  const at::Tensor shares = at::softmax(corners.unflatten(-1, {4, shifts.size(0)}), -1);
  return at::matmul(shares, shifts);
}

at::Tensor shifted(const at::Tensor& references, const at::Tensor& shifts, double reg_scale) {
  const at::Tensor centre = references.slice(-1, 0, 2);
  const at::Tensor unit = references.slice(-1, 2, 4) / reg_scale;
  const at::Tensor first = centre - (0.5 * reg_scale + shifts.slice(-1, 0, 2)) * unit;
  const at::Tensor last = centre + (0.5 * reg_scale + shifts.slice(-1, 2, 4)) * unit;
  return at::cat({(first + last) / 2, last - first}, -1);
}

Wanted wanted_distributions(const at::Tensor& references, const at::Tensor& corners,
                            const Settings& s) {
  const at::NoGradGuard no_grad;
  const at::Tensor centre = references.slice(-1, 0, 2);
  const at::Tensor unit = references.slice(-1, 2, 4) / s.reg_scale + 1e-16;
  const at::Tensor distances = (at::cat({(centre - corners.slice(-1, 0, 2)) / unit,
                                         (corners.slice(-1, 2, 4) - centre) / unit},
                                        -1) -
                                0.5 * s.reg_scale)
                                   .flatten();
  const at::Tensor values = shifts(s, references);
  const at::Tensor below = (values.unsqueeze(0) <= distances.unsqueeze(1)).sum(1) - 1;
  const at::Tensor inside = below.clamp(0, s.bins - 1);
  const at::Tensor lower = (distances - values.index_select(0, inside)).abs();
  const at::Tensor upper = (values.index_select(0, inside + 1) - distances).abs();
  // Edges beyond the ends want the last number there.
  at::Tensor above = at::where(below < 0, at::zeros_like(lower), lower / (lower + upper));
  above = at::where(below >= s.bins, at::ones_like(above), above);
  return {inside, 1 - above, above};
}

}  // namespace graft::models::rtdetr
