#include "graft/data/mix.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

namespace graft::data {
namespace {

/// Shares of the classes [B, C] float32, of classes [B] or of shares.
at::Tensor shares_of(const at::Tensor& targets, int64_t classes) {
  if (targets.dim() == 2) return targets;
  return at::zeros({targets.size(0), classes}, targets.options().dtype(at::kFloat))
      .scatter_(1, targets.unsqueeze(1), 1);
}

/// Every row's partner: the one before it, the last one for the first.
at::Tensor rolled(const at::Tensor& rows) {
  const int64_t n = rows.size(0);
  return at::cat({rows.narrow(0, n - 1, 1), rows.narrow(0, 0, n - 1)});
}

struct CutBox {
  int64_t x1, y1, x2, y2;
};

CutBox cut_box(int64_t width, int64_t height, double share, Rng& rng) {
  const auto x = static_cast<int64_t>(rng.below(static_cast<uint64_t>(width)));
  const auto y = static_cast<int64_t>(rng.below(static_cast<uint64_t>(height)));
  const double r = 0.5 * std::sqrt(1 - share);
  const auto half_width = static_cast<int64_t>(r * static_cast<double>(width));
  const auto half_height = static_cast<int64_t>(r * static_cast<double>(height));
  return {std::max<int64_t>(x - half_width, 0), std::max<int64_t>(y - half_height, 0),
          std::min(x + half_width, width), std::min(y + half_height, height)};
}

}  // namespace

Mixed mix(const Batch& batch, int64_t classes, const MixOptions& options, Rng rng) {
  const c10::NoGradGuard no_grad;
  Mixed mixed;
  mixed.pixels = batch.pixels();
  mixed.targets = shares_of(batch.targets.defined() ? batch.targets : batch.labels, classes);
  if (!options.on() || batch.size() == 0) return mixed;

  const bool both = options.mixup_alpha > 0 && options.cutmix_alpha > 0;
  const bool cut = both ? rng.chance(options.switch_prob) : options.cutmix_alpha > 0;
  const double alpha = cut ? options.cutmix_alpha : options.mixup_alpha;
  mixed.kind = cut ? MixKind::cutmix : MixKind::mixup;
  mixed.share = rng.beta(alpha, alpha);
  if (cut) {
    const int64_t height = batch.pixels().size(2);
    const int64_t width = batch.pixels().size(3);
    const CutBox box = cut_box(width, height, mixed.share, rng);
    const auto inside = [&](const at::Tensor& t) {
      return t.narrow(2, box.y1, box.y2 - box.y1).narrow(3, box.x1, box.x2 - box.x1);
    };
    mixed.pixels = batch.pixels().clone();
    inside(mixed.pixels).copy_(rolled(inside(batch.pixels())));
    mixed.share = 1 - static_cast<double>((box.x2 - box.x1) * (box.y2 - box.y1)) /
                          static_cast<double>(width * height);
  } else {
    mixed.pixels = mixed_rows(batch.pixels(), mixed.share);
  }
  mixed.targets = mixed_rows(mixed.targets, mixed.share);
  return mixed;
}

RowMix mix_rows(const at::Tensor& targets, int64_t classes, double alpha, Rng rng) {
  const c10::NoGradGuard no_grad;
  const double share = rng.beta(alpha, alpha);
  return {share, mixed_rows(shares_of(targets, classes), share)};
}

at::Tensor mixed_rows(const at::Tensor& rows, double share) {
  return rolled(rows).mul_(1 - share).add_(rows, share);
}

}  // namespace graft::data
