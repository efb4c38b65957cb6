#pragma once

#include <string>
#include <vector>

#include "graft/nn/seam.h"
#include "graft/peft/method.h"

namespace graft::peft {

/// Puts adapters of the chosen methods on the seams of blocks [0, head); returns how many. A target
/// that matches nothing is an error (exit code 2) that lists what could be named.
int attach(nn::Registry& registry, const std::vector<Choice>& choices, int head,
           const nn::Init& init);

/// Folds every adapter into its layer and removes it.
void merge_all(nn::Registry& registry);

/// Whether `path` ends with the module name(s) `ending` ("q_proj", "layer.0.mlp.fc1"), at a dot.
bool ends_with_module(const std::string& path, const std::string& ending);

}  // namespace graft::peft
