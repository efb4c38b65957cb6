#pragma once

#include "graft/base/rng.h"
#include "graft/data/batch.h"

namespace graft::data {

/// Mixing of pairs within a batch. An alpha of 0 switches that kind off.
struct MixOptions {
  double mixup_alpha = 0;
  double cutmix_alpha = 0;
  double switch_prob = 0.5;  ///< chance of cutmix when both are on

  bool on() const { return mixup_alpha > 0 || cutmix_alpha > 0; }
};

enum class MixKind { none, mixup, cutmix };

struct Mixed {
  MixKind kind = MixKind::none;
  double share = 1;    ///< of a sample's own label; the rest is its partner's
  at::Tensor pixels;   ///< as Batch::pixels(); new memory unless kind is none
  at::Tensor targets;  ///< [B, C] float32, rows of single-label data sum to 1
};

/// Mixes sample i with sample i - 1 (the last with the first), with torchvision's rules: the share
/// is drawn from Beta(alpha, alpha), once a batch; cutmix pastes a box whose centre is uniform and
/// whose share is corrected where the border cuts it. mixup: Zhang et al. 2018, arXiv:1710.09412;
/// cutmix: Yun et al. 2019, arXiv:1905.04899; torchvision.transforms.v2.MixUp and CutMix. Label
/// smoothing is the loss's.
///
/// The result depends on its arguments only: give `rng` the key {seed, epoch, step}.
Mixed mix(const Batch& batch, int64_t classes, const MixOptions& options, Rng rng);

}  // namespace graft::data
