#include "graft/nn/held_weights.h"

#include <torch/types.h>

#include <algorithm>
#include <set>

#include "graft/nn/linear.h"

namespace graft::nn {

ReplacedWeights hold_weights(Registry& registry, at::ScalarType type,
                             const std::function<bool(const at::Tensor& weight)>& which) {
  ReplacedWeights replaced;
  const auto replace = [&](at::Tensor& weight) {
    if (weight.scalar_type() == type) return;
    replaced.emplace_back(&weight, weight);
    weight = weight.detach().to(type);
  };
  std::set<at::Tensor*> grouped;
  for (LinearGroup* group : registry.groups) {
    const std::vector<at::Tensor*> weights = group->weights();
    grouped.insert(weights.begin(), weights.end());
    if (!std::all_of(weights.begin(), weights.end(), [&](at::Tensor* w) { return which(*w); }))
      continue;
    const size_t before = replaced.size();
    for (at::Tensor* weight : weights) replace(*weight);
    if (replaced.size() > before) group->repack();
  }
  for (Seam* seam : registry.seams) {
    if (seam->site().kind != SeamKind::linear || grouped.contains(&seam->weight())) continue;
    if (which(seam->weight())) replace(seam->weight());
  }
  return replaced;
}

void restore_weights(Registry& registry, const ReplacedWeights& replaced) {
  std::set<at::Tensor*> places;
  for (const auto& [place, weight] : replaced) {
    *place = weight;
    places.insert(place);
  }
  for (LinearGroup* group : registry.groups) {
    if (places.contains(group->weights().front())) group->repack();
  }
}

}  // namespace graft::nn
