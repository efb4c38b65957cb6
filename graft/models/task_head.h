#pragma once

#include <functional>
#include <map>
#include <string>

#include "graft/models/family.h"
#include "graft/models/text_tower.h"

/// How one family's tower of text serves several tasks.
namespace graft::models {

/// How a tower ends for the model's task: with all tokens where something is said of each; with
/// features pooled as the config says, or as is `usual`. `finish` follows the last layer; `picks`
/// as in TowerEnd.
///
/// Embeddings are in float32 and, where the config has "normalize_features", of length 1. They are
/// the mean of all tokens where the config is silent and the first is usual: it says something only
/// where a head was trained on it. What is decided stands in the config.
TowerEnd tower_end(Model& model, Pooling usual, FinishRows finish = {}, bool picks = true);

/// The classes that transformers has for an encoder.
std::map<Task, std::string> encoder_architectures(const std::string& prefix);
/// What the first files of encoders, written by TensorFlow's names, call the weights of norms.
std::vector<Rename> old_norm_names();

/// Calls what adds the head that the model's task wants. Embeddings have none.
void add_head(Model& model, const std::map<Task, std::function<void()>>& heads);

}  // namespace graft::models
