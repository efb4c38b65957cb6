#include "graft/nn/roi_align.h"

#include <torch/types.h>

#include <vector>

namespace graft::nn {
namespace {

/// Where the points of all cells lie along one side, and the two pixels that they lie between.
struct Points {
  at::Tensor low, high;              ///< pixels, int32 [K, points]
  at::Tensor low_share, high_share;  ///< what they count, [K, points]
};

/// `from` and `to` [K]: the region's ends in pixels of the map.
Points points_along(const at::Tensor& from, const at::Tensor& to, int64_t side,
                    const RoiAlignOptions& o) {
  const at::Tensor step = (to - from).clamp_min(1) / o.size;
  const at::Tensor cells = at::arange(o.size, from.options()).view({1, -1, 1});
  const at::Tensor inside = (at::arange(o.samples, from.options()) + 0.5).view({1, 1, -1}) *
                            (step / o.samples).view({-1, 1, 1});
  const at::Tensor at = (from.view({-1, 1, 1}) + cells * step.view({-1, 1, 1}) + inside).flatten(1);
  const at::Tensor there = (at >= -1).logical_and(at <= side);
  const auto last = static_cast<double>(side - 1);
  const at::Tensor clamped = at.clamp(0, last);
  const at::Tensor low = clamped.floor();
  const at::Tensor part = clamped - low;
  return {low.to(at::kInt), (low + 1).clamp_max(last).to(at::kInt), (1 - part) * there,
          part * there};
}

}  // namespace

at::Tensor roi_align(const at::Tensor& map, const at::Tensor& regions, const RoiAlignOptions& o) {
  const int64_t count = regions.size(0), channels = map.size(1), height = map.size(2),
                width = map.size(3);
  if (count == 0) return map.new_zeros({0, channels, o.size, o.size});
  // Each cell is a weighted sum of pixels: a product with a sparse matrix, which an embedding bag
  // computes forward and backward.
  at::Tensor pixels, shares;
  {
    const at::NoGradGuard no_grad;
    const auto type = map.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const at::Tensor ends = regions.slice(1, 1, 5).to(type) * o.scale;
    const Points y = points_along(ends.select(1, 1), ends.select(1, 3), height, o);
    const Points x = points_along(ends.select(1, 0), ends.select(1, 2), width, o);
    const at::Tensor first = regions.select(1, 0).to(at::kInt) * (height * width);
    // [K, cells, points] down and across → [K, cells, cells, points, points].
    const auto down = [&](const at::Tensor& t) { return t.view({count, o.size, 1, o.samples, 1}); };
    const auto across = [&](const at::Tensor& t) {
      return t.view({count, 1, o.size, 1, o.samples});
    };
    std::vector<at::Tensor> corners, weights;
    for (const bool below : {false, true}) {
      for (const bool right : {false, true}) {
        corners.push_back(first.view({-1, 1, 1, 1, 1}) + down(below ? y.high : y.low) * width +
                          across(right ? x.high : x.low));
        weights.push_back(down(below ? y.high_share : y.low_share) *
                          across(right ? x.high_share : x.low_share));
      }
    }
    pixels = at::stack(corners, -1).flatten();
    shares = (at::stack(weights, -1).flatten() / (o.samples * o.samples)).to(map.scalar_type());
  }
  const at::Tensor table = map.permute({0, 2, 3, 1}).reshape({-1, channels});
  const at::Tensor starts =
      at::arange(0, pixels.numel(), 4 * o.samples * o.samples, pixels.options());
  const at::Tensor cells = std::get<0>(at::embedding_bag(table, pixels, starts, false, /*mode=*/0,
                                                         /*sparse=*/false, shares));
  return cells.view({count, o.size, o.size, channels}).permute({0, 3, 1, 2});
}

}  // namespace graft::nn
