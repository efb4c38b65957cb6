#include "graft/train/adapter_extras.h"

#include "graft/base/error.h"
#include "graft/models/text_tower.h"
#include "graft/train/job.h"

namespace graft::train {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFile = "graft.json";
constexpr const char* kClasses = "classes";
constexpr const char* kProblem = "problem_type";
constexpr const char* kPreprocessor = "preprocessor";
constexpr size_t kMaxBytes = size_t{32} << 20;
constexpr Target kProblems[] = {Target::single_label, Target::multi_label, Target::regression};

std::vector<std::string> read_classes(const Json& value, const std::string& where) {
  std::vector<std::string> classes;
  if (value.is_null()) return classes;
  if (!value.is_array()) fail_unreadable("{}: {} must be a list of names", where, kClasses);
  for (const Json& name : value) {
    if (!name.is_string())
      fail_unreadable("{}: {} must be a list of names, got {}", where, kClasses, name.dump());
    classes.push_back(name.get<std::string>());
  }
  return classes;
}

std::optional<Target> read_problem(const Json& value, const std::string& where) {
  if (value.is_null()) return std::nullopt;
  for (const Target target : kProblems) {
    if (value == models::problem_name(target)) return target;
  }
  fail_unreadable("{}: {} must be {}, {} or {}, got {}", where, kProblem,
                  models::problem_name(kProblems[0]), models::problem_name(kProblems[1]),
                  models::problem_name(kProblems[2]), value.dump());
}

}  // namespace

void write_extras(const models::Model& model, const fs::path& adapter) {
  Json extras = Json::object();
  if (!model.classes().empty()) extras[kClasses] = model.classes();
  if (model.task() == models::Task::classes)
    extras[kProblem] = models::problem_name(model.problem());
  if (model.config().contains(models::kPoolingKey))
    extras[models::kPoolingKey] = model.config()[models::kPoolingKey];
  if (!reads_texts(model)) extras[kPreprocessor] = model.preprocess().to_config();
  if (!extras.empty()) write_json(adapter / kFile, extras);
}

AdapterExtras read_extras(const fs::path& adapter) {
  const fs::path file = adapter / kFile;
  if (!fs::exists(file)) return {};
  const std::string where = file.string();
  const Json given = read_json(file, kMaxBytes);
  if (!given.is_object()) fail_unreadable("{}: expected a mapping, got {}", where, given.dump());
  const auto value = [&](const char* key) { return given.value(key, Json()); };
  AdapterExtras extras;
  extras.classes = read_classes(value(kClasses), where);
  extras.problem = read_problem(value(kProblem), where);
  if (const Json pooling = value(models::kPoolingKey); pooling.is_string())
    extras.pooling = pooling.get<std::string>();
  extras.preprocessor = value(kPreprocessor);
  return extras;
}

}  // namespace graft::train
