#include "graft/models/family.h"

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"

namespace graft::models {

#define MODEL(name) Family name();
#include "graft/models/models.def"
#undef MODEL

namespace {

/// How transformers calls classes of a task, behind the family's name.
const char* usual_suffix(Task task) {
  switch (task) {
    case Task::next_token:
      return "ForCausalLM";
    case Task::masked_token:
      return "ForMaskedLM";
    case Task::token_classes:
      return "ForTokenClassification";
    case Task::boxes:
      return "ForObjectDetection";
    case Task::embedding:
      return "Model";
    case Task::classes:
      break;
  }
  return "ForSequenceClassification";
}

const char* lacking(Task task) {
  switch (task) {
    case Task::next_token:
      return "does not continue texts";
    case Task::masked_token:
      return "does not tell what masked tokens were";
    case Task::token_classes:
      return "does not tell the classes of tokens";
    case Task::boxes:
      return "does not find objects";
    case Task::embedding:
      return "does not make embeddings of texts";
    case Task::classes:
      break;
  }
  return "does not classify";
}

}  // namespace

const std::string& Family::architecture(Task task, const std::string& where) const {
  const auto found = architectures.find(task);
  if (found != architectures.end()) return found->second;
  fail_usage("{}: a {} model {}; give another model or task", where, name, lacking(task));
}

std::string Family::class_of(Task task, const Json& config, const std::string& where) const {
  const auto prefix = class_prefixes.find(type_of(config));
  return (prefix == class_prefixes.end() ? "" : prefix->second) + architecture(task, where);
}

std::string Family::type_of(const Json& config) const {
  const Json type = config.value("model_type", Json());
  const bool own = std::ranges::any_of(model_types, [&](const auto& name) { return type == name; });
  return own ? type.get<std::string>() : model_types.front();
}

std::map<Task, std::string> usual_architectures(const std::string& prefix,
                                                std::initializer_list<Task> tasks) {
  std::map<Task, std::string> names;
  for (const Task task : tasks) names.emplace(task, prefix + usual_suffix(task));
  return names;
}

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
#define MODEL(name) name(),
#include "graft/models/models.def"
#undef MODEL
  };
  return all;
}

const Family& family_of(const std::string& model_type, const std::string& where) {
  std::string known;
  for (const Family& family : families()) {
    for (const auto& type : family.model_types) {
      if (type == model_type) return family;
      known += (known.empty() ? "" : ", ") + type;
    }
  }
  fail_unreadable("{}: the model type '{}' is not one that graft can train; known: {}", where,
                  model_type, known);
}

const Family& find_family(const std::string& name) {
  return find_in(families(), name, "model family");
}

namespace {

const Json* value_of(const Json& config, const std::string& key) {
  if (!config.is_object()) return nullptr;
  const auto found = config.find(key);
  return found == config.end() || found->is_null() ? nullptr : &*found;
}

[[noreturn]] void wrong(const std::string& key, const char* expected, const Json& value) {
  fail_unreadable("config.json: {} must be {}, got {}", key, expected, value.dump());
}

}  // namespace

int64_t config_integer(const Json& config, const std::string& key, int64_t fallback) {
  const Json* value = value_of(config, key);
  if (!value) return fallback;
  const double number = value->is_number() ? value->get<double>() : -1;
  if (!value->is_number() || number != std::floor(number) || number < 0 || number > 1e7) {
    wrong(key, "a whole number from 0 to 10,000,000", *value);
  }
  return static_cast<int64_t>(number);
}

double config_number(const Json& config, const std::string& key, double fallback) {
  const Json* value = value_of(config, key);
  if (!value) return fallback;
  if (!value->is_number()) wrong(key, "a number", *value);
  return value->get<double>();
}

bool config_flag(const Json& config, const std::string& key, bool fallback) {
  const Json* value = value_of(config, key);
  if (!value) return fallback;
  if (!value->is_boolean()) wrong(key, "true or false", *value);
  return value->get<bool>();
}

std::string config_text(const Json& config, const std::string& key, const std::string& fallback) {
  const Json* value = value_of(config, key);
  if (!value) return fallback;
  if (!value->is_string()) wrong(key, "a text", *value);
  return value->get<std::string>();
}

std::vector<int64_t> config_integers(const Json& config, const std::string& key,
                                     std::vector<int64_t> fallback) {
  const Json* value = value_of(config, key);
  if (!value) return fallback;
  if (!value->is_array() || value->empty() || value->size() > 1000)
    wrong(key, "a list of whole numbers", *value);
  std::vector<int64_t> numbers;
  for (const Json& item : *value) numbers.push_back(config_integer(Json{{key, item}}, key, 0));
  return numbers;
}

}  // namespace graft::models
