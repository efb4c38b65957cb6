#include "graft/models/rt_detr/edge_loss.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/models/detr/set_loss.h"
#include "graft/models/rt_detr/distribution.h"

namespace graft::models::rtdetr {
namespace {

constexpr double kTemperature = 5;

/// The cross entropy with wanted distributions: [P].
at::Tensor distance(const at::Tensor& corners, const Wanted& wanted, int64_t values) {
  const at::Tensor logs = at::log_softmax(corners.reshape({-1, values}), -1);
  const auto cost = [&](const at::Tensor& number, const at::Tensor& share) {
    return logs.gather(1, number.unsqueeze(1)).squeeze(1) * -share;
  };
  return (cost(wanted.below, wanted.share_below) + cost(wanted.below + 1, wanted.share_above))
      .view({-1, 4})
      .sum(1);
}

/// [B, Q]: summed over the edges of a box.
at::Tensor divergence(const Edges& edges, int64_t values) {
  const auto parted = [&](const at::Tensor& corners) {
    return corners.unflatten(-1, {4, values}) / kTemperature;
  };
  const at::Tensor taught = at::log_softmax(parted(edges.teacher.detach()), -1);
  const at::Tensor said = at::log_softmax(parted(edges.corners), -1);
  return (taught.exp() * (taught - said)).sum({-2, -1}) * (kTemperature * kTemperature);
}

at::Tensor distillation(const Edges& edges, const at::Tensor& ious, const SetPairs& pairs,
                        int64_t values) {
  const int64_t pictures = edges.corners.size(0), queries = edges.corners.size(1);
  if (edges.corners.equal(edges.teacher)) return edges.corners.sum({1, 2}) * 0;
  at::Tensor weights = at::sigmoid(edges.teacher_logits.detach()).amax(-1);
  weights.index_put_({pairs.picture, pairs.query}, ious.to(weights));
  at::Tensor with_object = at::zeros_like(weights);
  with_object.index_put_({pairs.picture, pairs.query}, weights.new_full({}, 1));
  const at::Tensor costs = divergence(edges, values) * weights;
  // Either kind counts by the root of how many edges a picture has of it.
  constexpr int64_t kEdges = 4;
  const int64_t matched = kEdges * pairs.count();
  const int64_t others = kEdges * pictures * queries - matched;
  const auto root = [&](int64_t count) {
    return std::sqrt(static_cast<double>(count) / static_cast<double>(pictures));
  };
  const double whole = root(matched) + root(others);
  const auto part = [&](const at::Tensor& mask, int64_t count) {
    const double each = root(count) / (whole * static_cast<double>(std::max<int64_t>(count, 1)));
    return (costs * mask).sum(1) * (each * static_cast<double>(pictures));
  };
  return part(with_object, matched) + part(1 - with_object, others);
}

}  // namespace

EdgeTerms edge_terms(const Edges& edges, const at::Tensor& there, const at::Tensor& ious,
                     const SetPairs& pairs, const Settings& s) {
  const auto of_pairs = [&](const at::Tensor& t) { return t.index({pairs.picture, pairs.query}); };
  const int64_t values = s.bins + 1;
  const Wanted wanted = wanted_distributions(of_pairs(edges.references.detach()), there, s);
  const at::Tensor costs = distance(of_pairs(edges.corners), wanted, values) * ious;
  return {by_picture(costs, pairs, edges.corners.size(0)),
          distillation(edges, ious, pairs, values)};
}

}  // namespace graft::models::rtdetr
