#include "graft/train/run_model.h"

#include <torch/types.h>

#include <algorithm>
#include <map>
#include <set>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/models/outlook.h"
#include "graft/peft/attach.h"
#include "graft/peft/hf_format.h"
#include "graft/train/adapter_names.h"
#include "graft/train/frozen_weights.h"
#include "graft/train/job.h"
#include "graft/train/tied.h"

namespace graft::train {
namespace fs = std::filesystem;
namespace {

constexpr const char* kDelta = "delta.safetensors";
constexpr const char* kAdapters = "graft_adapters";  // in its header: {path of the layer: method}

Config run_config(const fs::path& run) {
  Json values = read_yaml(run / "config.yaml");
  return make_config(values);
}

void attach_file(const peft::LoadedAdapter& adapter, models::LoadedModel& loaded) {
  untie_for(adapter, loaded);
  peft::attach_adapter(loaded.model->registry(), adapter, names_from_adapter(*loaded.model));
}

/// Attaches the adapters that the delta holds, and copies its tensors to their places.
void apply_delta(const fs::path& file, models::Model& model,
                 const std::vector<peft::Choice>& methods) {
  const models::Family& family = models::find_family(model.family());
  const at::NoGradGuard no_grad;
  const io::SafetensorsReader reader(file);
  if (const auto found = reader.metadata().find(kAdapters); found != reader.metadata().end()) {
    const Json layers = parse_json(found->second, file.string() + ": " + kAdapters);
    for (const auto& [path, method] : layers.items()) {
      for (nn::Seam* seam : model.registry().seams) {
        if (seam->site().path != path) continue;
        for (const auto& choice : methods) {
          if (choice.method->make && method == choice.method->name) {
            seam->attach(choice.method->make(seam->site(), choice.options, nn::Init(0)));
          }
        }
      }
    }
  }
  auto adapters = adapter_tensors(model);
  for (const auto& [name, tensor] : reader.all()) {
    const std::string module = models::module_name(family, name);
    at::Tensor* target = nullptr;
    if (const nn::Parameter* p = model.registry().find(module)) target = p->value;
    for (auto& adapter : adapters) {
      if (adapter.name == module || adapter.name == name) target = adapter.value;
    }
    if (!target || target->sizes() != tensor.sizes()) {
      fail_unreadable("{}: the tensor {} does not fit the run's base model", file.string(), name);
    }
    target->copy_(tensor);
  }
}

}  // namespace

bool is_run_folder(const fs::path& path) {
  return fs::exists(path / "config.yaml") &&
         (fs::exists(path / "log.jsonl") || fs::exists(path / "summary.json"));
}

Target run_problem(const fs::path& run) {
  const Json summary = read_json(run / "summary.json");
  const Json named = summary.value("problem_type", Json());
  for (const auto& objective : objectives()) {
    if (named == models::problem_name(objective->problem())) return objective->problem();
  }
  // Runs from before it was written.
  const bool several = named.is_null() && summary.contains("metrics") &&
                       summary["metrics"].contains("mean_average_precision");
  return several ? Target::multi_label : Target::single_label;
}

std::vector<std::string> run_classes(const fs::path& run) {
  const Json summary = read_json(run / "summary.json");
  if (!summary.contains("classes") || !summary["classes"].is_array() ||
      summary["classes"].empty()) {
    fail_unreadable("{}: summary.json names no classes; the run did not get far enough",
                    run.string());
  }
  return summary["classes"].get<std::vector<std::string>>();
}

models::LoadedModel load_run_model(const fs::path& run, const std::vector<std::string>& wanted) {
  const Objective& objective = objective_of(run_problem(run));
  const auto classes = objective.has_classes() ? run_classes(run) : std::vector<std::string>{};
  const models::Task task = objective.head();
  models::LoadedModel loaded;
  if (fs::exists(run / "model" / "config.json")) {
    models::ModelSource source;
    source.path = (run / "model").string();
    source.task = task;
    source.max_length = model_source(run_config(run)).max_length;
    loaded = models::load_model(source, classes);
  } else {
    if (!fs::exists(run / kDelta) && !fs::exists(run / "adapter")) {
      fail_unreadable(
          "{}: the run has no result yet (no model/, adapter/ or {}); finish it with graft resume "
          "{}",
          run.string(), kDelta, run.string());
    }
    const Config config = run_config(run);
    models::ModelSource source = model_source(config);
    source.task = task;
    loaded = models::load_model(source, classes);
    apply_image_size(config, *loaded.model);
    if (fs::exists(run / "adapter")) attach_file(peft::load_adapter(run / "adapter"), loaded);
    if (fs::exists(run / kDelta)) apply_delta(run / kDelta, *loaded.model, config.methods);
    merge_adapters(loaded);
    const Json settings = read_json(run / "summary.json").value("settings", Json());
    if (settings.is_object()) loaded.model->config().update(settings);
  }
  loaded.model->set_problem(objective.target());
  if (!wanted.empty() && wanted != classes) {
    auto refitted = models::refit_head(*loaded.model, wanted);
    refitted.folder = run;
    return refitted;
  }
  loaded.folder = run;
  return loaded;
}

bool is_adapter_folder(const fs::path& path) {
  return fs::exists(path / "adapter_config.json");
}

namespace {

/// An adapter of peft saves a head whole, with as many classes as it pleases, and without names.
std::vector<std::string> classes_of_adapter(const models::LoadedModel& base,
                                            const peft::LoadedAdapter& adapter) {
  const models::Model& model = *base.model;
  const models::Family& family = models::find_family(model.family());
  const std::string weight = model.classifier().site().path + ".weight";
  for (const auto& [name, tensor] : adapter.tensors) {
    if (models::module_name(family, name) != weight || tensor.dim() != 2) continue;
    if (tensor.size(0) == static_cast<int64_t>(model.classes().size())) break;
    std::vector<std::string> classes;
    classes.reserve(static_cast<size_t>(tensor.size(0)));
    for (int64_t i = 0; i < tensor.size(0); ++i) classes.push_back(fmt::format("LABEL_{}", i));
    return classes;
  }
  return {};
}

struct TaskType {
  models::Task task;
  const char* name;
};
/// peft's names of tasks.
constexpr TaskType kTaskTypes[] = {{models::Task::next_token, "CAUSAL_LM"},
                                   {models::Task::token_classes, "TOKEN_CLS"},
                                   {models::Task::embedding, "FEATURE_EXTRACTION"},
                                   {models::Task::classes, "SEQ_CLS"}};

/// What an adapter was trained for is known to it: by peft's name of the task, or by the class that
/// it was put on.
models::Task task_of_adapter(const Json& config, const models::ModelSource& base) {
  for (const TaskType& type : kTaskTypes) {
    if (config.value("task_type", Json()) == type.name) return type.task;
  }
  const Json mapping = config.value("auto_mapping", Json());
  const Json named = mapping.is_object() ? mapping.value("base_model_class", Json()) : Json();
  const models::Family* family = named.is_string() ? models::named_family(base) : nullptr;
  return family ? models::task_called(*family, named.get<std::string>()).value_or(base.task)
                : base.task;
}

models::LoadedModel load_adapter_model(models::ModelSource source,
                                       const std::vector<std::string>& wanted) {
  const fs::path folder = source.path;
  const peft::LoadedAdapter adapter = peft::load_adapter(folder);
  const Json base = adapter.config.value("base_model_name_or_path", Json());
  if (!base.is_string() || base.get<std::string>().empty()) {
    fail_unreadable(
        "{}: adapter_config.json names no base_model_name_or_path; put the folder of "
        "the base model there",
        folder.string());
  }
  source.path = base.get<std::string>();
  if (is_adapter_folder(source.path) || is_run_folder(source.path)) {
    fail_unreadable("{}: its base, {}, is no plain model; export that first (graft export)",
                    folder.string(), source.path);
  }
  source.task = task_of_adapter(adapter.config, source);
  models::LoadedModel loaded = models::load_model(source);
  if (loaded.model->has_classifier()) {
    // The new head comes whole from the adapter.
    if (const auto classes = classes_of_adapter(loaded, adapter); !classes.empty())
      loaded.model = models::refit_head(*loaded.model, classes).model;
  }
  attach_file(adapter, loaded);
  merge_adapters(loaded);
  if (wanted.empty() || wanted == loaded.model->classes()) return loaded;
  return models::refit_head(*loaded.model, wanted);
}

}  // namespace

models::LoadedModel load_any_model(const models::ModelSource& source,
                                   const std::vector<std::string>& classes) {
  if (is_run_folder(source.path)) return load_run_model(source.path, classes);
  if (is_adapter_folder(source.path)) return load_adapter_model(source, classes);
  return models::load_model(source, classes);
}

models::LoadedModel load_any_model(const std::string& path) {
  models::ModelSource source;
  source.path = path;
  if (!is_run_folder(path) && !is_adapter_folder(path)) source.task = models::named_task(source);
  return load_any_model(source);
}

namespace {

/// Whether peft's file of a method holds a tensor that learned whole: of a new head, or of the
/// method's modules_to_save.
bool saved_in_adapter(const TrainedTensor& tensor, const models::Model& model,
                      const peft::Choice& choice) {
  if (tensor.head) return true;
  const nn::Parameter* p = tensor.adapter ? nullptr : model.registry().find(tensor.name);
  return p && choice.method->selects && choice.method->selects(*p, choice.options);
}

}  // namespace

std::vector<std::string> write_learned(const Job& job, const std::vector<TrainedTensor>& trained,
                                       const fs::path& run) {
  models::Model& model = job.model();
  const models::Family& family = models::find_family(model.family());
  const models::ModelSource source = model_source(job.config);
  std::vector<std::string> written;
  for (const char* old : {"model", "adapter"}) fs::remove_all(run / old);
  fs::remove(run / kDelta);
  if (!leaves_base(job, job.config.methods, trained)) {
    // An adapter would belong to a base that exists nowhere else; the result must stand alone.
    const std::unique_ptr<models::Model> untied = untied_copy(model);
    models::Model& whole = untied ? *untied : model;
    peft::merge_all(whole.registry());
    models::save_model(whole, run / "model");
    return {"model/"};
  }
  io::TensorMap delta;
  std::set<std::pair<std::string, std::string>>
      beside;                        // layer and method of adapters that peft cannot express
  std::set<std::string> in_adapter;  // tensors that learned whole and lie beside an adapter
  for (const auto& choice : job.config.methods) {
    if (!choice.method->make) continue;
    if (choice.method->peft_type.empty()) {
      for (const auto& tensor : adapter_tensors(model)) {
        if (tensor.method == choice.method->name) beside.emplace(tensor.layer, tensor.method);
      }
      continue;
    }
    peft::SaveInfo info;
    // A bundled model has a name that only graft knows.
    const bool hub = !fs::exists(source.path) && source.path.find('/') != std::string::npos;
    info.base_model = hub ? source.path : fs::canonical(models::find_model(source.path)).string();
    for (const TaskType& type : kTaskTypes) {
      // Pictures have no name there, and classes of texts go without it as well.
      if (type.task == model.task() && type.task != models::Task::classes)
        info.task_type = type.name;
    }
    info.auto_mapping = {{"base_model_class", family.architecture(model.task(), source.path)},
                         {"parent_library", "transformers"}};
    for (const auto& tensor : trained) {
      if (!saved_in_adapter(tensor, model, choice)) continue;
      in_adapter.insert(tensor.name);
      const size_t dot = tensor.name.rfind('.');
      const std::string path = tensor.name.substr(0, dot);
      if (info.modules.empty() || info.modules.back().path != path)
        info.modules.push_back({path, {}});
      info.modules.back().tensors.add(tensor.name.substr(dot + 1), tensor.value->detach());
    }
    info.rename = names_in_adapter(model, job.config.values["naming"] == "v4");
    const peft::SavedAdapter result =
        peft::save_adapter(run / "adapter", model.registry(), choice, info);
    for (const auto& path : result.left) beside.emplace(path, choice.method->name);
    if (result.layers > 0) written.emplace_back("adapter/");
  }
  if (written.empty()) in_adapter.clear();
  for (const auto& tensor : trained) {
    const bool odd = tensor.adapter && beside.count({tensor.layer, tensor.method}) > 0;
    if (tensor.adapter ? odd : !in_adapter.contains(tensor.name)) {
      delta.add(tensor.adapter ? tensor.name : models::hub_name(family, tensor.name),
                tensor.value->detach());
    }
  }
  if (!delta.empty()) {
    Json layers = Json::object();
    for (const auto& [layer, method] : beside) layers[layer] = method;
    std::map<std::string, std::string> header{{"format", "pt"}};
    if (!layers.empty()) header[kAdapters] = layers.dump();
    io::write_safetensors(run / kDelta, delta, header);
    written.emplace_back(kDelta);
  }
  return written;
}

}  // namespace graft::train
