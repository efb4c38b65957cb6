#pragma once

#include "graft/models/rcnn/proposals.h"
#include "graft/nn/linear.h"

namespace graft::models {

/// Reads the proposals off the pyramid (nn/roi_align.h), each off the map that fits its size (Lin
/// et al. 2016, arXiv:1612.03144, equation 1), and two linear layers on each: "x" [B, R, width]
/// beside "regions" [B, R, 4] and "counts" [B]. Where it learns and "objects" came along, the
/// regions are some of the proposals and objects, drawn by chance. Tensors as "fc6.weight",
/// "fc7.weight".
class RegionFeatures final : public Block {
 public:
  RegionFeatures(const nn::Scope& scope, const FasterRcnnSettings& settings, int64_t classes);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  std::vector<at::Tensor> regions(const nn::Flow& flow, const nn::Context& context) const;
  at::Tensor pooled(const nn::Flow& flow, const std::vector<at::Tensor>& regions) const;

  FasterRcnnSettings settings_;
  int64_t classes_;
  nn::Linear first_, second_;
};

/// The last block: "logits" [B, R, 1 + classes], nothing first, and "shifts" [B, R, (1 + classes) x
/// 4], where the box of each class lies against the region. Float32. Tensors as "cls_score.weight",
/// "bbox_pred.weight".
class RegionClasses final : public Block {
 public:
  RegionClasses(const nn::Scope& scope, int64_t width, int64_t classes);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  nn::Linear classes_, boxes_;
};

}  // namespace graft::models
