#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "graft/nn/parameter.h"

/// Products of activations in bfloat16 take weights in bfloat16. One that does not learn need not
/// be cast at every use: held in that type it takes half the memory, and the products stay the
/// same, bit for bit. Its float32 numbers are gone then, so what is to be saved must not be held.
namespace graft::nn {

/// Weights that were replaced: where they lie, and what was there.
using ReplacedWeights = std::vector<std::pair<at::Tensor*, at::Tensor>>;

/// Gives the weights of linear layers that `which` chooses (it is asked with the layer's own
/// tensor) the type `type`; those of a LinearGroup together or not at all.
ReplacedWeights hold_weights(Registry& registry, at::ScalarType type,
                             const std::function<bool(const at::Tensor& weight)>& which);
/// Puts them back.
void restore_weights(Registry& registry, const ReplacedWeights& replaced);

}  // namespace graft::nn
