#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/base/catalog.h"
#include "graft/io/tensor_map.h"
#include "graft/models/detector.h"
#include "graft/models/model.h"

namespace graft::models {

/// One renaming of a checkpoint's names: `pattern` (ECMAScript regex) is replaced once, as Hugging
/// Face's own renamings work. `inverse` undoes it on module names when a folder is written.
struct Rename {
  std::string pattern;
  std::string replacement;
};

/// A checkpoint in Hugging Face's terms.
struct Checkpoint {
  Json config;  ///< config.json; may be null for a bare weight file
  io::TensorMap tensors;
};

/// What a family reads.
enum class Content : uint8_t { images, text };

/// All graft knows about a family of models. families/<name>.cpp makes one, models.def lists it.
struct Family : Entry {
  std::vector<std::string> model_types;  ///< "model_type" of config.json
  /// What stands before the names of classes that models of another type than the first have.
  std::map<std::string, std::string> class_prefixes;
  /// What transformers takes for keys that a config does not have, where the family differs from
  /// what the reading of configs takes in general.
  Json defaults = Json::object();
  /// Of texts: positions are rotations or distances, so that a tokenizer that allows longer texts
  /// than the pretraining had is right.
  std::function<bool(const Json& config)> goes_further;
  Content content = Content::images;
  bool obeys_pooling = false;  ///< transformers pools as "classifier_pooling" of the config says
  /// What its chain can end with, and the class that transformers has for that end.
  std::map<Task, std::string> architectures;
  std::string base_prefix;  ///< "vit.": files of the bare model lack it
  /// Builds the chain for `model.config()`; the number of classes is `classes`.
  std::function<void(Model& model, int64_t classes)> build;
  /// Random initialisation of every parameter, as the family's authors do it.
  std::function<void(Model& model, const nn::Init& init)> init;
  /// File names → module names, applied in order; `write` is the way back, also in order.
  std::vector<Rename> read, write;
  /// Splits or joins tensors that files pack otherwise (runs after `read` / before `write`).
  std::function<void(io::TensorMap& tensors)> unpack, pack;
  /// Recognises weights in other projects' names (timm, torchvision, …) and rewrites names and
  /// config into Hugging Face's; false when they are not of this family.
  std::function<bool(Checkpoint& checkpoint)> adopt;
  /// How what its chain ends with becomes boxes; of families that serve Task::boxes.
  std::function<std::unique_ptr<Detector>(const Model& model)> detector;
  /// What the config leaves open and the tensors of a file tell; may be empty.
  std::function<void(Checkpoint& checkpoint)> complete;

  /// The class of transformers for a task; one that the family does not serve is an error (exit
  /// code 2). `where` names the model.
  const std::string& architecture(Task task, const std::string& where) const;
  /// The same for a model with this config, whose type may have classes of its own.
  std::string class_of(Task task, const Json& config, const std::string& where) const;
  /// The config's own "model_type" where it is one of the family's, else the usual one.
  std::string type_of(const Json& config) const;
};

/// For families of text whose classes have the usual names: "BertForMaskedLM", "LlamaModel".
std::map<Task, std::string> usual_architectures(const std::string& prefix,
                                                std::initializer_list<Task> tasks);

/// The catalogue, in the order of models.def.
const std::vector<Family>& families();
/// The family that reads `model_type`, or an error (exit code 3) naming the known ones.
const Family& family_of(const std::string& model_type, const std::string& where);
const Family& find_family(const std::string& name);

/// A value of a config, or the default when absent or null; wrong types are errors that name the
/// key.
int64_t config_integer(const Json& config, const std::string& key, int64_t fallback);
double config_number(const Json& config, const std::string& key, double fallback);
bool config_flag(const Json& config, const std::string& key, bool fallback);
std::string config_text(const Json& config, const std::string& key, const std::string& fallback);
std::vector<int64_t> config_integers(const Json& config, const std::string& key,
                                     std::vector<int64_t> fallback);

}  // namespace graft::models
