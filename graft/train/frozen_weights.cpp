#include "graft/train/frozen_weights.h"

#include <torch/types.h>

#include <algorithm>
#include <set>

#include "graft/train/job.h"

namespace graft::train {

bool leaves_base(const Job& job, const std::vector<peft::Choice>& methods,
                 const std::vector<TrainedTensor>& trained) {
  const models::ModelSource source = model_source(job.config);
  // There is no such base but in memory.
  if (job.from_run || source.random || !source.add_tokens.empty()) return false;
  const bool base_moves = std::any_of(trained.begin(), trained.end(),
                                      [](const TrainedTensor& t) { return !t.head && !t.adapter; });
  return peft::name_of(methods) != "none" || !base_moves;
}

nn::ReplacedWeights hold_frozen(models::Model& model, const std::vector<TrainedTensor>& trained) {
  std::set<const at::Tensor*> learns;
  for (const TrainedTensor& tensor : trained) learns.insert(tensor.value);
  return nn::hold_weights(model.registry(), model.precision(),
                          [&](const at::Tensor& weight) { return !learns.contains(&weight); });
}

nn::ReplacedWeights settle_weights(Job& job, const std::vector<peft::Choice>& methods,
                                   const std::vector<TrainedTensor>& trained) {
  if (leaves_base(job, methods, trained)) return hold_frozen(job.model(), trained);
  return nn::hold_weights(job.model().registry(), at::kFloat,
                          [](const at::Tensor&) { return true; });
}

}  // namespace graft::train
