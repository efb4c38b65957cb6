#include "graft/models/outlook.h"

#include <algorithm>

#include "graft/base/files.h"
#include "graft/io/checkpoint_folder.h"
#include "graft/models/darknet/files.h"
#include "graft/models/sentence_files.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

/// The part of a class's name that says what it is for: "ForMaskedLM"; empty for a bare model.
std::string purpose(const std::string& architecture) {
  const size_t at = architecture.find("For");
  return at == std::string::npos ? "" : architecture.substr(at);
}

Json config_of(const ModelSource& source) {
  Json config = Json::object();
  if (!source.path.empty()) {
    const fs::path folder = find_model(source.path);
    if (fs::exists(folder / "config.json"))
      config = read_json(folder / "config.json");
    else if (const auto darknet = find_darknet(folder))
      config = darknet_config(*darknet);
  }
  if (config.is_object() && source.config.is_object()) config.update(source.config);
  return config.is_object() ? config : Json::object();
}

/// The family that takes weights in another project's names, and their config as it sees it; null
/// where there is none.
const Family* adopting_family(const ModelSource& source, Json& config) {
  const fs::path path = find_model(source.path);
  const bool weights = fs::is_regular_file(path) || !io::find_checkpoint_file(path).empty();
  if (config.contains("model_type") || !weights) return nullptr;
  Checkpoint checkpoint{config, io::read_checkpoint(path)};
  for (const Family& family : families()) {
    if (!family.adopt || !family.adopt(checkpoint)) continue;
    config = checkpoint.config;
    return &family;
  }
  return nullptr;
}

}  // namespace

const Family* family_in(const Json& config) {
  const Json named = config.value("model_type", Json());
  const std::string type = named.is_string() ? named.get<std::string>() : "";
  for (const Family& family : families()) {
    if (std::ranges::find(family.model_types, type) != family.model_types.end()) return &family;
  }
  return nullptr;
}

const Family* named_family(const ModelSource& source) {
  return family_in(config_of(source));
}

std::optional<Task> task_called(const Family& family, const std::string& architecture) {
  for (const auto& [task, name] : family.architectures) {
    const std::string its = purpose(name);
    if (name == architecture || (!its.empty() && its == purpose(architecture))) return task;
  }
  return std::nullopt;
}

Task named_task(const ModelSource& source) {
  if (!source.path.empty() && has_sentence_files(find_model(source.path))) return Task::embedding;
  Json config = config_of(source);
  const Family* family = family_in(config);
  if (!family && !source.path.empty()) family = adopting_family(source, config);
  const Json named = config.value("architectures", Json());
  if (!family || !named.is_array() || named.size() != 1 || !named[0].is_string())
    return Task::classes;
  const auto task = task_called(*family, named[0].get<std::string>());
  // A bare model was saved for no task at all.
  return task && *task != Task::embedding ? *task : Task::classes;
}

}  // namespace graft::models
