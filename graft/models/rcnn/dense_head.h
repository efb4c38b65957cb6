#pragma once

#include "graft/models/rcnn/pyramid.h"
#include "graft/models/rcnn/settings.h"

/// RetinaNet's head (Lin et al. 2017, arXiv:1708.02002): two stacks of convolutions on each map of
/// the pyramid.
namespace graft::models {

/// Where boxes lie against their anchors: adds "offsets" [B, A, 4]. Tensors as "conv.0.0.weight",
/// "bbox_reg.weight".
class DenseBoxes final : public Block {
 public:
  DenseBoxes(const nn::Scope& scope, const RetinaNetSettings& settings);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  size_t maps_;
  std::vector<std::unique_ptr<nn::Conv2d>> convs_;
  std::unique_ptr<nn::Conv2d> offsets_;
};

/// All but the last convolution for the classes: replaces the maps by what these read.
class DenseFeatures final : public Block {
 public:
  DenseFeatures(const nn::Scope& scope, const RetinaNetSettings& settings);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  size_t maps_;
  std::vector<std::unique_ptr<nn::Conv2d>> convs_;
};

/// The last block: "logits" [B, A, classes] beside "offsets". Float32. Tensors as
/// "cls_logits.weight".
class DenseClasses final : public Block {
 public:
  /// Biases begin where a class is seen in one of a hundred places.
  DenseClasses(const nn::Scope& scope, const RetinaNetSettings& settings, int64_t classes);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  size_t maps_;
  int64_t classes_;
  std::unique_ptr<nn::Conv2d> logits_;
};

}  // namespace graft::models
