#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "graft/models/family.h"
#include "graft/models/new_tokens.h"

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
  /// Tokens of a text model's tokenizer; those it lacks are added, and rows for them.
  std::vector<std::string> add_tokens = {};
};

/// How the head was fitted to what is wanted of it.
struct HeadFit {
  Task task = Task::classes;
  std::vector<std::string> kept;     ///< classes whose rows came from the checkpoint, by name
  std::vector<std::string> added;    ///< classes with new rows
  std::vector<std::string> dropped;  ///< classes of the checkpoint that are not wanted
  std::vector<std::string> layers;   ///< of the head, those that the checkpoint lacks: new ones
  std::string summary() const;       ///< one or two lines for the user
};

struct LoadedModel {
  std::unique_ptr<Model> model;
  HeadFit head;
  NewTokens tokens;
  std::vector<std::string> unused;       ///< tensors of the file that the model has no place for
  std::vector<std::string> other_heads;  ///< … because they are of heads for other tasks
  std::vector<std::string> missing;      ///< tensors that the file lacked (an error unless random)
  std::filesystem::path folder;          ///< where it was found; empty for a config alone
};

/// The folder or file that `path` names; errors (exit code 3) say where was looked and what to do.
std::filesystem::path find_model(const std::string& path);

/// Reads config, weights and preprocessing and builds the model with the head that the source's
/// task wants. `classes` are the wanted classes in order; empty keeps the checkpoint's. Rows of the
/// head are matched by class name. A language model whose file has an output matrix that is not its
/// embedding keeps it, whatever the config says.
LoadedModel load_model(const ModelSource& source, const std::vector<std::string>& classes = {});

/// The same weights with a head for other classes: rows are matched by class name, new ones start
/// at zero.
LoadedModel refit_head(const Model& model, const std::vector<std::string>& classes);

/// The same backbone with the head that the source's task wants, which is new; seed, max_length and
/// overrides of the config are the source's. A task that the family does not serve is an error
/// (exit code 2).
LoadedModel change_head(const Model& model, const ModelSource& source,
                        const std::vector<std::string>& classes = {});

/// Whether a model that continues texts has its embedding for an output matrix, and so no head to
/// learn apart from it. (That of masked tokens has: its transform.)
bool head_is_tied(const Model& model);
/// The same weights with an output matrix of its own, which starts as a copy of the embedding that
/// it was: a head that learns while the blocks below stay as they are.
LoadedModel untie_head(const Model& model);

/// Writes config.json, model.safetensors with the hub's names and what belongs to preprocessing,
/// loadable by transformers; of embeddings by sentence-transformers as well.
void save_model(const Model& model, const std::filesystem::path& folder);

/// The hub's name of a module's tensor ("vit.layers.0.attention.q_proj.weight" →
/// "vit.encoder.layer.0.attention.attention.query.weight"); the same where no renaming exists.
std::string hub_name(const Family& family, const std::string& module_name);
/// The way back for one name.
std::string module_name(const Family& family, const std::string& hub_name);

}  // namespace graft::models
