#include "graft/models/detr/set_loss.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/box_overlap.h"

namespace graft::models {
namespace {

SetLossRule common_rule(const Json& config) {
  SetLossRule rule;
  rule.match.classes = loss_weight(config, "class_cost", 1);
  rule.match.box = loss_weight(config, "bbox_cost", 5);
  rule.match.giou = loss_weight(config, "giou_cost", 2);
  if (rule.match.classes + rule.match.box + rule.match.giou == 0)
    fail_unreadable(
        "config.json: class_cost, bbox_cost and giou_cost are all 0; one must be above, or objects "
        "cannot be matched");
  rule.box = loss_weight(config, "bbox_loss_coefficient", 5);
  rule.giou = loss_weight(config, "giou_loss_coefficient", 2);
  return rule;
}

/// A softmax over the classes and "no object": each picture's share of the weighted mean over all
/// queries.
at::Tensor softmax_loss(const at::Tensor& logits, const at::Tensor& labels, double no_object) {
  const at::Tensor costs =
      -at::log_softmax(logits, -1).gather(-1, labels.unsqueeze(-1)).squeeze(-1);
  const at::Tensor none = labels == logits.size(-1) - 1;
  const at::Tensor weights = at::ones_like(costs).masked_fill(none, no_object);
  // Without a single object and a weight of 0, nothing is learned: 0 / 0 is 0 then.
  const at::Tensor all = weights.sum();
  return (costs * weights).sum(1) / at::where(all > 0, all, at::ones_like(all));
}

}  // namespace

double loss_weight(const Json& config, const char* key, double fallback) {
  const double weight = config_number(config, key, fallback);
  if (!(weight >= 0 && weight <= 1e6))
    fail_unreadable("config.json: {} must be from 0 to 1,000,000, got {}", key, weight);
  return weight;
}

SetLossRule SetLossRule::softmax(const Json& config) {
  SetLossRule rule = common_rule(config);
  rule.no_object = loss_weight(config, "eos_coefficient", 0.1);
  return rule;
}

SetLossRule SetLossRule::focal(const Json& config) {
  SetLossRule rule = common_rule(config);
  rule.match.focal.emplace();
  const double alpha = config_number(config, "focal_alpha", 0.25);
  if (!(alpha >= 0 && alpha <= 1))
    fail_unreadable("config.json: focal_alpha must be from 0 to 1, got {}", alpha);
  rule.focal_alpha = alpha;
  return rule;
}

at::Tensor by_picture(const at::Tensor& costs, const SetPairs& pairs, int64_t pictures) {
  return costs.new_zeros({pictures}).index_add(0, pairs.picture, costs);
}

BoxTerms box_terms(const SetOutput& output, const SetTruth& truth, const SetPairs& pairs) {
  const at::Tensor found = output.boxes.index({pairs.picture, pairs.query});
  const at::Tensor there = truth.boxes.to(found).index_select(0, pairs.object);
  const int64_t pictures = output.boxes.size(0);
  const at::Tensor overlap = nn::overlap(corners_of(found), corners_of(there), nn::Overlap::giou);
  return {by_picture((found - there).abs().sum(1), pairs, pictures),
          by_picture(1 - overlap, pairs, pictures)};
}

at::Tensor wanted_labels(const SetOutput& output, const SetTruth& truth, const SetPairs& pairs,
                         int64_t none) {
  const at::Tensor labels = truth.labels.to(output.logits.device());
  at::Tensor wanted =
      at::full({output.logits.size(0), output.logits.size(1)}, none, labels.options());
  return wanted.index_put_({pairs.picture, pairs.query}, labels.index_select(0, pairs.object));
}

at::Tensor focal_loss(const at::Tensor& logits, const at::Tensor& labels, const FocalRule& focal) {
  const at::Tensor wanted =
      (labels.unsqueeze(-1) == at::arange(logits.size(-1), labels.options())).to(logits);
  const at::Tensor costs =
      at::binary_cross_entropy_with_logits(logits, wanted, {}, {}, at::Reduction::None);
  const at::Tensor score = at::sigmoid(logits);
  const at::Tensor missed = score + wanted - 2 * score * wanted;  // 1 - probability of the truth
  const at::Tensor weights = focal.alpha * wanted + (1 - focal.alpha) * (1 - wanted);
  return (weights * costs * missed.pow(focal.gamma)).sum({1, 2});
}

BoxLoss set_loss(const std::vector<SetOutput>& outputs, const SetTruth& truth,
                 const SetLossRule& rule) {
  GRAFT_ASSERT(!outputs.empty());
  BoxLoss loss;
  loss.skipped = truth.skipped;
  const auto pictures = static_cast<double>(truth.pictures());
  const double each = pictures / static_cast<double>(std::max<int64_t>(truth.count(), 1));
  for (const SetOutput& output : outputs) {
    const SetPairs pairs = match_set(output, truth, rule.match);
    const BoxTerms terms = box_terms(output, truth, pairs);
    const at::Tensor box = (rule.box * terms.distance + rule.giou * terms.overlap) * each;
    const int64_t classes = output.logits.size(-1) - (rule.match.focal ? 0 : 1);
    const at::Tensor labels = wanted_labels(output, truth, pairs, classes);
    const at::Tensor classified =
        rule.match.focal
            ? focal_loss(output.logits, labels, {rule.focal_alpha, rule.match.focal->gamma}) * each
            : softmax_loss(output.logits, labels, rule.no_object) * pictures;
    const auto add = [](at::Tensor& sum, const at::Tensor& part) {
      sum = sum.defined() ? sum + part : part;
    };
    add(loss.total, box + classified);
    add(loss.box, box.detach());
    add(loss.classes, classified.detach());
    if (loss.matched == 0) loss.matched = pairs.count();
  }
  loss.objectness = at::zeros_like(loss.classes);
  return loss;
}

}  // namespace graft::models
