#pragma once

#include <vector>

#include "graft/base/json.h"
#include "graft/models/detr/set_match.h"

namespace graft::models {

/// How a set of boxes is learned.
struct SetLossRule {
  MatchRule match;
  double box = 5, giou = 2;   ///< weights of the L1 distance and of 1 - generalized IoU
  double no_object = 0.1;     ///< of queries that no object was given to, under a softmax
  double focal_alpha = 0.25;  ///< of the right class, under the focal loss

  /// Reads class_cost, bbox_cost, giou_cost, bbox_loss_coefficient, giou_loss_coefficient and, for
  /// the softmax over classes and "no object", eos_coefficient, else focal_alpha; negative numbers
  /// are an error (exit code 3).
  static SetLossRule softmax(const Json& config);
  static SetLossRule focal(const Json& config);
};

/// A weight of a config's loss; negative and absurd ones are an error (exit code 3).
double loss_weight(const Json& config, const char* key, double fallback);

/// Sums over the pairs of each picture: [P] → [B].
at::Tensor by_picture(const at::Tensor& costs, const SetPairs& pairs, int64_t pictures);

/// The boxes' terms over pairs, [B] each: sums over a picture's pairs.
struct BoxTerms {
  at::Tensor distance;  ///< L1
  at::Tensor overlap;   ///< 1 - generalized IoU
};
BoxTerms box_terms(const SetOutput& output, const SetTruth& truth, const SetPairs& pairs);

/// The label that each query should have, [B, Q] int64: `none` where it was given no object.
at::Tensor wanted_labels(const SetOutput& output, const SetTruth& truth, const SetPairs& pairs,
                         int64_t none);

/// The focal loss (Lin et al. 2017, arXiv:1708.02002) with one output a class, summed over queries
/// and classes: [B]. Labels [B, Q]; the number of classes stands for none.
at::Tensor focal_loss(const at::Tensor& logits, const at::Tensor& labels, const FocalRule& focal);

/// What outputs cost where these objects are: the last layer's first, then those of the layers
/// below (auxiliary losses), each matched by itself; as transformers 5.23 computes it for DETR,
/// YOLOS and Deformable DETR. Its losses of a batch are means over all of it (objects for boxes,
/// weighted queries for classes); a picture's loss is its share times B, so that the mean over the
/// batch is transformers' number.
BoxLoss set_loss(const std::vector<SetOutput>& outputs, const SetTruth& truth,
                 const SetLossRule& rule);

}  // namespace graft::models
