#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "graft/models/family.h"

namespace graft::models {

/// Where a model comes from: a folder in Hugging Face's layout, a weight file of a known dialect,
/// "org/name[@revision]" in the local Hugging Face cache, a name of a bundled model, or a config
/// with random weights.
struct ModelSource {
  std::string path;            ///< folder, file, hub id or bundled name; empty with a config alone
  Json config;                 ///< overrides of config.json; the whole config when `path` is empty
  std::string tokenizer = {};  ///< folder of a text model's tokenizer; empty: that of the model
  Task task = Task::classes;
  int64_t max_length = 0;  ///< most tokens of a text; 0: as many as the model takes
  bool random = false;     ///< init: random
  uint64_t seed = 0;       ///< of random weights and new head rows
};

/// How the head was fitted to the classes that are wanted.
struct HeadFit {
  std::vector<std::string> kept;     ///< classes whose rows came from the checkpoint, by name
  std::vector<std::string> added;    ///< classes with new rows
  std::vector<std::string> dropped;  ///< classes of the checkpoint that are not wanted
  std::string summary() const;       ///< one or two lines for the user
};

struct LoadedModel {
  std::unique_ptr<Model> model;
  HeadFit head;
  std::vector<std::string> unused;  ///< tensors of the file that the model has no place for
  std::vector<std::string>
      missing;                   ///< backbone tensors that the file lacked (an error unless random)
  std::filesystem::path folder;  ///< where it was found; empty for a config alone
};

/// The folder or file that `path` names; errors (exit code 3) say where was looked and what to do.
std::filesystem::path find_model(const std::string& path);

/// Reads config, weights and preprocessing and builds the model. `classes` are the wanted classes
/// in order; empty keeps the checkpoint's. Rows of the head are matched by class name.
LoadedModel load_model(const ModelSource& source, const std::vector<std::string>& classes = {});

/// The same weights with a head for other classes: rows are matched by class name, new ones start
/// at zero.
LoadedModel refit_head(const Model& model, const std::vector<std::string>& classes);

/// Whether the output matrix of a language model is its embedding.
bool head_is_tied(const Model& model);
/// The same weights with an output matrix of its own, which starts as a copy of the embedding: a
/// head that learns while the blocks below stay as they are.
LoadedModel untie_head(const Model& model);

/// Writes config.json, preprocessor_config.json and model.safetensors with the hub's names,
/// loadable by transformers.
void save_model(const Model& model, const std::filesystem::path& folder);

/// The hub's name of a module's tensor ("vit.layers.0.attention.q_proj.weight" →
/// "vit.encoder.layer.0.attention.attention.query.weight"); the same where no renaming exists.
std::string hub_name(const Family& family, const std::string& module_name);
/// The way back for one name.
std::string module_name(const Family& family, const std::string& hub_name);

}  // namespace graft::models
