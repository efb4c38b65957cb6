#include "graft/models/rt_detr/loss.h"

#include <torch/types.h>

#include <algorithm>
#include <optional>

#include "graft/base/error.h"
#include "graft/models/detr/set_loss.h"
#include "graft/models/family.h"
#include "graft/models/rt_detr/denoising.h"
#include "graft/models/rt_detr/edge_loss.h"
#include "graft/nn/box_overlap.h"

namespace graft::models::rtdetr {
namespace {

/// The varifocal loss, summed over queries and classes: [B].
at::Tensor varifocal(const SetOutput& output, const at::Tensor& ious, const SetTruth& truth,
                     const SetPairs& pairs, const LossRule& rule) {
  const int64_t classes = output.logits.size(-1);
  const at::Tensor labels = wanted_labels(output, truth, pairs, classes);
  const at::Tensor right =
      (labels.unsqueeze(-1) == at::arange(classes, labels.options())).to(output.logits);
  at::Tensor score = at::zeros_like(right.select(-1, 0));
  score.index_put_({pairs.picture, pairs.query}, ious);
  const at::Tensor wanted = score.unsqueeze(-1) * right;
  const at::Tensor said = at::sigmoid(output.logits.detach());
  const at::Tensor weights = rule.alpha * said.pow(rule.gamma) * (1 - right) + wanted;
  return at::binary_cross_entropy_with_logits(output.logits, wanted, weights, {},
                                              at::Reduction::None)
      .sum({1, 2});
}

/// Each object belongs to its place in every group, near ones only.
SetPairs pairs_of_noise(const SetTruth& truth, int64_t most, int64_t groups,
                        const at::Tensor& like) {
  std::vector<int64_t> picture, query, object;
  for (int64_t i = 0; i < truth.pictures(); ++i) {
    const int64_t begin = truth.first[static_cast<size_t>(i)];
    const int64_t count = truth.first[static_cast<size_t>(i) + 1] - begin;
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t k = 0; k < count; ++k) {
        picture.push_back(i);
        query.push_back(g * 2 * most + k);
        object.push_back(begin + k);
      }
    }
  }
  const auto tensor = [&](const std::vector<int64_t>& numbers) {
    return at::tensor(numbers, at::kLong).to(like.device());
  };
  return {tensor(picture), tensor(query), tensor(object)};
}

/// What one layer says.
struct Layer {
  SetOutput output;
  std::optional<Edges> edges;  ///< of D-FINE
};

/// All layers' outputs, of a part of the queries.
class Layers {
 public:
  Layers(const nn::Flow& end, int64_t first, int64_t count, Kind kind) {
    const auto part = [&](const char* name) { return end.at(name).narrow(2, first, count); };
    logits_ = part("layer_logits");
    boxes_ = part("layer_boxes");
    if (kind != Kind::d_fine) return;
    boxes_ = boxes_.clamp(0, 1);
    corners_ = part("corners");
    references_ = part("references");
  }
  /// Those that learn all they say; D-FINE has one less than boxes.
  int64_t count() const { return (corners_.defined() ? corners_ : logits_).size(1); }
  Layer at(int64_t i) const {
    Layer layer{{logits_.select(1, i), boxes_.select(1, i)}, {}};
    if (corners_.defined())
      layer.edges = {corners_.select(1, i), references_.select(1, i), corners_.select(1, -1),
                     logits_.select(1, -1)};
    return layer;
  }
  SetOutput last() const { return {logits_.select(1, -1), boxes_.select(1, -1)}; }

 private:
  at::Tensor logits_, boxes_, corners_, references_;
};

/// Adds up what outputs cost.
class Sum {
 public:
  Sum(const SetTruth& truth, const Settings& settings, const LossRule& rule)
      : truth_(truth),
        settings_(settings),
        rule_(rule),
        each_(static_cast<double>(truth.pictures()) /
              static_cast<double>(std::max<int64_t>(truth.count(), 1))) {}

  /// The objects count `times` over.
  void add(const Layer& layer, const SetPairs& pairs, int64_t times = 1) {
    const SetOutput& output = layer.output;
    const double each = each_ / static_cast<double>(times);
    const at::Tensor found = output.boxes.index({pairs.picture, pairs.query});
    const at::Tensor there = corners_of(truth_.boxes.to(found).index_select(0, pairs.object));
    const at::Tensor ious =
        nn::overlap(corners_of(found.detach()), there, nn::Overlap::iou).to(output.logits);
    const at::Tensor classes =
        varifocal(output, ious, truth_, pairs, rule_) * (rule_.classes * each);
    const BoxTerms terms = box_terms(output, truth_, pairs);
    at::Tensor box = (rule_.box * terms.distance + rule_.giou * terms.overlap) * each;
    if (layer.edges) {
      const EdgeTerms of_edges = edge_terms(*layer.edges, there, ious, pairs, settings_);
      box =
          box + rule_.edges * each * of_edges.distance + rule_.distillation * of_edges.distillation;
    }
    const auto plus = [](at::Tensor& sum, const at::Tensor& part) {
      sum = sum.defined() ? sum + part : part;
    };
    plus(loss_.total, classes + box);
    plus(loss_.box, box.detach());
    plus(loss_.classes, classes.detach());
  }

  void add_matched(const Layer& layer) {
    const SetPairs pairs = match_set(layer.output, truth_, rule_.match);
    if (loss_.matched == 0) loss_.matched = pairs.count();
    add(layer, pairs);
  }

  BoxLoss result() {
    loss_.skipped = truth_.skipped;
    loss_.objectness = at::zeros_like(loss_.classes);
    return loss_;
  }

 private:
  const SetTruth& truth_;
  const Settings& settings_;
  const LossRule& rule_;
  double each_;  // pictures an object
  BoxLoss loss_;
};

}  // namespace

LossRule::LossRule(const Json& c)
    : classes(loss_weight(c, "weight_loss_vfl", 1)),
      box(loss_weight(c, "weight_loss_bbox", 5)),
      giou(loss_weight(c, "weight_loss_giou", 2)),
      edges(loss_weight(c, "weight_loss_fgl", 0.15)),
      distillation(loss_weight(c, "weight_loss_ddf", 1.5)),
      alpha(loss_weight(c, "focal_loss_alpha", 0.75)),
      gamma(loss_weight(c, "focal_loss_gamma", 2)),
      auxiliary(config_flag(c, "auxiliary_loss", true)) {
  match.classes = loss_weight(c, "matcher_class_cost", 2);
  match.box = loss_weight(c, "matcher_bbox_cost", 5);
  match.giou = loss_weight(c, "matcher_giou_cost", 2);
  match.focal = {loss_weight(c, "matcher_alpha", 0.25), loss_weight(c, "matcher_gamma", 2)};
  if (match.classes + match.box + match.giou == 0)
    fail_unreadable(
        "config.json: matcher_class_cost, matcher_bbox_cost and matcher_giou_cost are all 0; one "
        "must be above, or objects cannot be matched");
}

BoxLoss set_head_loss(const nn::Flow& end, const SetTruth& truth, const Settings& s,
                      const LossRule& rule) {
  const int64_t noised = end.at("layer_logits").size(2) - s.queries;
  const Layers layers(end, noised, s.queries, s.kind);
  Sum sum(truth, s, rule);
  sum.add_matched({layers.last(), {}});
  if (!rule.auxiliary) return sum.result();
  for (int64_t i = 0; i + 1 < layers.count(); ++i) sum.add_matched(layers.at(i));
  sum.add_matched({{end.at("first_logits"), end.at("first_boxes").clamp(0, 1)}, {}});
  if (noised == 0) return sum.result();

  const int64_t most = most_objects(truth);
  GRAFT_ASSERT(most > 0 && noised % (2 * most) == 0);  // the objects that the noise was made of
  const int64_t groups = noised / (2 * most);
  const SetPairs pairs = pairs_of_noise(truth, most, groups, end.at("layer_logits"));
  const Layers of_noise(end, 0, noised, s.kind);
  for (int64_t i = 0; i < of_noise.count(); ++i) sum.add(of_noise.at(i), pairs, groups);
  return sum.result();
}

}  // namespace graft::models::rtdetr
