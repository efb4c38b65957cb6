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

/// How rows are mixed that a network made of samples.
struct RowMix {
  double share = 1;    ///< of a row itself; the rest is that of the row before it
  at::Tensor targets;  ///< [B, C] float32, mixed in the same way
};

/// mixup of texts. Tokens of texts have no mean, so what a text has become is mixed where it enters
/// the head (Guo et al. 2019, arXiv:1905.08941, "senMixup"; a layer of Verma et al. 2019,
/// arXiv:1806.05236). `targets` int64 [B] or float [B, C]. As of mix(), the result depends on the
/// arguments only.
RowMix mix_rows(const at::Tensor& targets, int64_t classes, double alpha, Rng rng);
/// `rows` [B, ...] mixed by `share`; differentiable.
at::Tensor mixed_rows(const at::Tensor& rows, double share);

}  // namespace graft::data
