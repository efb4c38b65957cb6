#include "graft/train/adapter_names.h"

#include "graft/models/family.h"
#include "graft/models/load.h"

namespace graft::train {
namespace {

bool is_bare(const models::Model& model) {
  return model.task() == models::Task::embedding;
}

}  // namespace

peft::Rename names_in_adapter(const models::Model& model, bool v4) {
  if (!v4 && !is_bare(model)) return {};
  const models::Family& family = models::find_family(model.family());
  return [&family, v4, bare = is_bare(model)](const std::string& path) {
    const bool prefixed = bare && path.starts_with(family.base_prefix);
    const std::string name = v4 ? models::hub_name(family, path) : path;
    return prefixed ? name.substr(family.base_prefix.size()) : name;
  };
}

peft::Rename names_from_adapter(const models::Model& model) {
  const models::Family& family = models::find_family(model.family());
  return [&family, bare = is_bare(model)](const std::string& path) {
    const bool prefixed = !bare || path.starts_with(family.base_prefix);
    return models::module_name(family, prefixed ? path : family.base_prefix + path);
  };
}

}  // namespace graft::train
