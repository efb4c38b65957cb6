#pragma once

#include "graft/nn/parameter.h"

namespace graft::nn {

/// Wu and He 2018 (arXiv:1803.08494): x [B, C, H, W] is normalised over groups of channels, each
/// picture by itself.
class GroupNorm {
 public:
  /// `groups` must divide `channels`.
  GroupNorm(const Scope& scope, int64_t groups, int64_t channels, double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;
  GroupNorm(const GroupNorm&) = delete;
  GroupNorm& operator=(const GroupNorm&) = delete;

 private:
  at::Tensor weight_, bias_;
  int64_t groups_;
  double eps_;
};

}  // namespace graft::nn
