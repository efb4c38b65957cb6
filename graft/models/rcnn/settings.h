#pragma once

#include <array>

#include "graft/models/rcnn/anchors.h"
#include "graft/models/rcnn/box_matching.h"
#include "graft/models/resnet_tower.h"

/// What config.json of the two-stage and dense detectors says; keys are those of torchvision's
/// constructors where it has them, and so are their defaults. What makes no sense is an error (exit
/// code 3).
namespace graft::models {

struct Checkpoint;

/// Two numbers: while the model learns, and else.
struct PerMode {
  int64_t training, else_;
  int64_t of(const nn::Context& context) const { return context.training ? training : else_; }
};

/// The body and the pyramid on it: "backbone" (a name such as resnet50) or ResNetSettings' keys,
/// frozen_batch_norm, batch_norm_eps, fpn_channels.
struct BodySettings {
  explicit BodySettings(const Json& config);
  ResNetSettings resnet;
  int64_t channels = 256;
};

struct FasterRcnnSettings {
  explicit FasterRcnnSettings(const Json& config);
  static constexpr int64_t kStride = 4;  ///< pixels of the input at a place of the finest map

  BodySettings body;
  AnchorSettings anchors;
  MatchSettings anchor_match{0.7, 0.3, true};  ///< rpn_fg_iou_thresh, rpn_bg_iou_thresh
  DrawSettings anchor_draw{256, 0.5};          ///< rpn_batch_size_per_image, rpn_positive_fraction
  PerMode before_nms{2000, 1000};              ///< rpn_pre_nms_top_n_train, …_test: of each map
  PerMode after_nms{2000, 1000};               ///< rpn_post_nms_top_n_train, …_test
  double proposal_nms = 0.7;                   ///< rpn_nms_thresh
  int64_t width = 1024;                        ///< representation_size
  MatchSettings region_match{0.5, 0.5};        ///< box_fg_iou_thresh, box_bg_iou_thresh
  DrawSettings region_draw{512, 0.25};         ///< box_batch_size_per_image, box_positive_fraction
  std::array<double, 4> region_weights{10, 10, 5, 5};  ///< bbox_reg_weights
  double nms = 0.5;                                    ///< box_nms_thresh
};

struct RetinaNetSettings {
  explicit RetinaNetSettings(const Json& config);
  static constexpr int64_t kStride = 8;

  BodySettings body;
  AnchorSettings anchors;
  MatchSettings match{0.5, 0.4, true};  ///< fg_iou_thresh, bg_iou_thresh
  int64_t candidates = 1000;            ///< topk_candidates: of each map, before suppression
  double nms = 0.5;                     ///< nms_thresh
};

/// Pictures that fit into image_size (800) and keep their proportions, unless the checkpoint says
/// how they are made; a Family's `complete`.
void complete_preprocess(Checkpoint& checkpoint);

/// The size of pictures that a model's preprocessing gives. Sides that are no multiples of 32 are
/// an error (exit code 3): maps of the pyramid would not lie over each other.
image::Dimensions pyramid_input(const Model& model);

}  // namespace graft::models
