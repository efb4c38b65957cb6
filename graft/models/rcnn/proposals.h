#pragma once

#include "graft/models/rcnn/box_coder.h"
#include "graft/models/rcnn/pyramid.h"
#include "graft/models/rcnn/settings.h"

namespace graft::models {

/// The region proposal network (Ren et al. 2015, arXiv:1506.01497) on a pyramid: where something
/// is. Passes the maps on and adds
///  - "objectness" [B, A] and "offsets" [B, A, 4] of all anchors, which its loss reads,
///  - "proposals" [B, R, 4]: the boxes that seem best, best first, in pixels of the input; no
///    gradient reaches them. Pictures with fewer have zeros behind, "counts" [B] says how many
///    count,
///  - where it learns and "objects" came along, "drawn" [B, A]: which anchors are learned from.
class RegionProposals final : public Block {
 public:
  RegionProposals(const nn::Scope& scope, const FasterRcnnSettings& settings, int64_t classes);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  FasterRcnnSettings settings_;
  int64_t classes_;
  std::unique_ptr<nn::Conv2d> conv_, objectness_, offsets_;
};

/// Boxes of pictures as one tensor [B, R, 4] with zeros behind, and how many each has, [B].
struct PaddedBoxes {
  explicit PaddedBoxes(const std::vector<at::Tensor>& boxes);
  at::Tensor boxes, counts;
};

/// The size of the input, as the finest map of the pyramid tells it.
image::Dimensions input_under(const at::Tensor& finest);

}  // namespace graft::models
