#pragma once

#include <string>
#include <vector>

#include "graft/nn/seam.h"
#include "graft/peft/method.h"

namespace graft::peft {

/// Puts adapters of the chosen methods on the seams of blocks [0, head), and of blocks [head,
/// named) on those that a target names; returns how many. Embeddings, too, get one only where they
/// are named. A target, or an entry of modules_to_save, that matches nothing is an error (exit code
/// 2) that lists what could be named.
int attach(nn::Registry& registry, const std::vector<Choice>& choices, int head,
           const nn::Init& init, int named = 0);

/// What a choice lists under modules_to_save; nothing where its method has no such option.
std::vector<std::string> whole_modules(const Choice& choice);

/// Folds every adapter into its layer and removes it. No two layers of which one is adapted may
/// share a weight: it would change for both.
void merge_all(nn::Registry& registry);

}  // namespace graft::peft
