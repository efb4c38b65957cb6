#pragma once

#include <vector>

#include "graft/nn/held_weights.h"
#include "graft/train/trained_set.h"

namespace graft::train {

struct Job;

/// Whether the result of training these tensors is written beside the base that it needs: an
/// adapter, or a head. Otherwise the whole model is.
bool leaves_base(const Job& job, const std::vector<peft::Choice>& methods,
                 const std::vector<TrainedTensor>& trained);

/// Holds the weights of linear layers that no one of `trained` is in the type of the model's
/// activations (nn/held_weights.h). Returns what was replaced.
nn::ReplacedWeights hold_frozen(models::Model& model, const std::vector<TrainedTensor>& trained);

/// Holds weights as a run does that learns these tensors: frozen ones as hold_frozen where the
/// result leaves the base alone, else all in float32, which will be written. Returns what was
/// replaced.
nn::ReplacedWeights settle_weights(Job& job, const std::vector<peft::Choice>& methods,
                                   const std::vector<TrainedTensor>& trained);

}  // namespace graft::train
