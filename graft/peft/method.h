#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/base/catalog.h"
#include "graft/io/tensor_map.h"
#include "graft/nn/adapter.h"
#include "graft/nn/init.h"
#include "graft/nn/parameter.h"

namespace graft::peft {

/// One layer's adapter in the form of Hugging Face peft.
struct PeftLayer {
  /// Fields of adapter_config.json that a layer may have of its own: "r" (by rank_pattern),
  /// "lora_alpha" or "alpha" (by alpha_pattern).
  Json settings;
  io::TensorMap tensors;  ///< named below the layer's path: "lora_A.weight"
};

/// All graft knows about a method: what is learned inside the blocks that a strategy trains.
/// methods/<name>.cpp makes one, methods.def lists it. A new head always trains whole, whatever the
/// method.
struct Method : Entry {
  /// Methods that add tensors: which layers they can sit on, and the adapter for one. `init` draws
  /// from the run's seed and the site's name.
  std::function<bool(const nn::Site& site, const Options& options)> serves;
  std::function<std::shared_ptr<nn::Adapter>(const nn::Site& site, const Options& options,
                                             const nn::Init& init)>
      make;
  /// Methods that train tensors which are there already: which ones. Those of a method with a
  /// peft_type belong to modules that its files hold whole (modules_to_save).
  std::function<bool(const nn::Parameter& parameter, const Options& options)> selects;

  // How Hugging Face peft holds the method; hf_format.h reads and writes the files.
  /// Name of the method there ("LORA"); empty when peft has no form for it, and then no hook is
  /// set.
  std::string peft_type;
  /// Whether peft has a form for the adapter on this very layer.
  std::function<bool(const nn::Site& site)> peft_serves;
  /// The fields of adapter_config.json that are the method's own.
  std::function<Json(const Options& options)> peft_config;
  /// The options that an adapter_config.json spells, target left out. A feature that the method
  /// lacks is an error (exit code 3) that names it; of methods with one peft_type the first without
  /// takes it.
  std::function<Json(const Json& config, const std::string& where)> peft_options;
  /// The adapter as peft holds it; nothing when that form would be too large to be of use.
  std::function<std::optional<PeftLayer>(const nn::Site& site, const nn::Adapter& adapter)>
      peft_export;
  /// The adapter for `tensors` of a file. `options` are peft_options' with the layer's own
  /// settings. Unknown tensors and wrong shapes are errors (exit code 3); `where` names file and
  /// layer in them.
  std::function<std::shared_ptr<nn::Adapter>(const nn::Site& site, const Json& options,
                                             const io::TensorMap& tensors,
                                             const std::string& where)>
      peft_import;
};

/// The catalogue, in the order of methods.def.
const std::vector<Method>& methods();
const Method& find_method(const std::string& name);

/// A method and its checked options, as configured.
struct Choice {
  const Method* method;
  Options options;
};

/// Reads `method:` — a name, {name, options…}, or a list of either. "none" cannot be combined.
std::vector<Choice> parse_methods(const Json& value);
/// Back into the form that parse_methods reads, every option spelled out.
Json to_json(const std::vector<Choice>& choices);
/// "lora", "lora+bitfit".
std::string name_of(const std::vector<Choice>& choices);

}  // namespace graft::peft
