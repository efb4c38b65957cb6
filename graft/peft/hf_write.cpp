#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/nn/seam.h"
#include "graft/peft/hf_format.h"

namespace graft::peft {
namespace {

/// Where peft keeps what layers have of their own.
const char* pattern_of(const std::string& setting) {
  return setting == "r" ? "rank_pattern" : "alpha_pattern";
}

/// As peft dumps it: keys in alphabetical order.
Json sorted(const Json& config) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : config.items()) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  Json result = Json::object();
  for (const auto& key : keys) result[key] = config[key];
  return result;
}

}  // namespace

SavedAdapter save_adapter(const std::filesystem::path& folder, nn::Registry& registry,
                          const Choice& choice, const SaveInfo& info) {
  const Method& method = *choice.method;
  GRAFT_ASSERT(!method.peft_type.empty());
  const auto named = [&info](const std::string& path) {
    return info.rename ? info.rename(path) : path;
  };
  const std::string root = "base_model.model.";
  Json config = method.peft_config(choice.options);
  io::TensorMap tensors;
  std::vector<std::string> targets;
  SavedAdapter saved;
  for (nn::Seam* seam : registry.seams) {
    for (const auto& adapter : seam->adapters()) {
      if (adapter->method() != method.name) continue;
      const nn::Site site = seam->site();
      std::optional<PeftLayer> layer;
      if (method.peft_serves(site)) layer = method.peft_export(site, *adapter);
      if (!layer) {
        saved.left.push_back(site.path);
        continue;
      }
      const std::string path = named(site.path);
      targets.push_back(path);
      for (const auto& [name, tensor] : layer->tensors)
        tensors.add(fmt::format("{}{}.{}", root, path, name), tensor);
      for (const auto& [key, value] : layer->settings.items()) {
        if (value != config.at(key)) config[pattern_of(key)][path] = value;
      }
      ++saved.layers;
    }
  }
  if (saved.layers == 0) return saved;

  Json modules;
  for (const SavedModule& module : info.modules) {
    const std::string path = named(module.path);
    modules.push_back(path);
    for (const auto& [name, tensor] : module.tensors)
      tensors.add(fmt::format("{}{}.{}", root, path, name), tensor.detach().cpu());
  }
  std::sort(targets.begin(), targets.end());
  config["auto_mapping"] = info.auto_mapping;
  config["base_model_name_or_path"] = info.base_model;
  config["inference_mode"] = true;
  config["modules_to_save"] = modules;
  config["peft_type"] = method.peft_type;
  config["peft_version"] = "0.21.0";
  config["revision"] = info.revision;
  config["target_modules"] = targets;
  config["task_type"] = info.task_type;
  std::filesystem::create_directories(folder);
  // The config last: a folder that has one is whole.
  io::write_safetensors(folder / "adapter_model.safetensors", tensors);
  write_json(folder / "adapter_config.json", sorted(config));
  return saved;
}

}  // namespace graft::peft
