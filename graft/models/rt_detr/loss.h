#pragma once

#include "graft/models/detr/set_match.h"
#include "graft/models/rt_detr/settings.h"
#include "graft/nn/flow.h"

namespace graft::models::rtdetr {

/// How boxes are learned; names are those of transformers' configs.
struct LossRule {
  /// Reads matcher_…, weight_loss_…, focal_loss_alpha, focal_loss_gamma and auxiliary_loss; what
  /// does not fit is an error (exit code 3).
  explicit LossRule(const Json& config);

  MatchRule match;
  double classes, box, giou;   ///< weights: weight_loss_vfl, weight_loss_bbox, weight_loss_giou
  double edges, distillation;  ///< weight_loss_fgl and weight_loss_ddf, of D-FINE
  double alpha, gamma;
  bool auxiliary;  ///< layers below the last one, the queries' pixels and noise are learned, too
};

/// What outputs of a SetHead cost where these objects are, as transformers 5.23 computes it:
///
/// - Queries and objects are matched for each layer by itself, and for the pixels that became
///   queries. Objects with noise belong to the object that they were; of a group's 2 M places the
///   second M must be found empty.
/// - Classes: the varifocal loss (Zhang et al. 2020, arXiv:2008.13367): a query that was given an
///   object should be as sure of its class as their boxes overlap.
/// - Boxes: the L1 distance and 1 - generalized IoU.
/// - D-FINE: edge_loss.h. transformers counts what the first layer says before it is refined as a
///   layer of its own, and so pairs boxes and classes with the distributions of the next layer; it
///   learns no distribution of the last one but of objects with noise. So does this.
///
/// Each is divided by the number of objects in the batch. A picture's loss is its share times B, so
/// that the mean over the batch is transformers' number.
BoxLoss set_head_loss(const nn::Flow& end, const SetTruth& truth, const Settings& settings,
                      const LossRule& rule);

}  // namespace graft::models::rtdetr
