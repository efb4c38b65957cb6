#include "graft/train/run_model.h"

#include <torch/types.h>

#include <algorithm>
#include <map>
#include <set>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/models/outlook.h"
#include "graft/models/text_tower.h"
#include "graft/peft/attach.h"
#include "graft/peft/hf_format.h"
#include "graft/train/adapter_extras.h"
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

peft::AttachedAdapter attach_file(peft::LoadedAdapter adapter, models::LoadedModel& loaded) {
  untie_for(adapter, loaded);
  const models::Model& model = *loaded.model;
  const models::Family& family = models::find_family(model.family());
  // Modules that are saved whole are as the family's files have them.
  if (reads_texts(model) && family.unpack) family.unpack(adapter.tensors);
  return peft::attach_adapter(loaded.model->registry(), adapter, names_from_adapter(model));
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

Json run_summary(const fs::path& run) {
  if (!fs::exists(run / "summary.json")) {
    fail_unreadable(
        "{} is no run that got far enough: it has no summary.json; give a run folder, or finish "
        "it with graft resume",
        run.string());
  }
  Json summary = read_json(run / "summary.json");
  if (!summary.is_object()) {
    fail_unreadable("{}: expected the summary of a run, got {}", (run / "summary.json").string(),
                    summary.type_name());
  }
  return summary;
}

Target run_problem(const fs::path& run) {
  const Json summary = run_summary(run);
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
  const Json summary = run_summary(run);
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
    const Json settings = run_summary(run).value("settings", Json());
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

/// An adapter of peft saves a head whole, with as many classes as it pleases, and without names:
/// `named` are those that graft wrote beside it. Empty where the head has the base's classes.
std::vector<std::string> classes_of_adapter(const models::LoadedModel& base,
                                            const peft::LoadedAdapter& adapter,
                                            const std::vector<std::string>& named) {
  const models::Model& model = *base.model;
  const models::Family& family = models::find_family(model.family());
  const std::string weight = model.classifier().site().path + ".weight";
  for (const auto& [name, tensor] : adapter.tensors) {
    if (models::module_name(family, name) != weight || tensor.dim() != 2) continue;
    if (tensor.size(0) == static_cast<int64_t>(named.size()))
      return named == model.classes() ? std::vector<std::string>{} : named;
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

/// The base of an adapter: a folder, or a model of the hub with the revision that was used.
std::string base_of_adapter(const Json& config, const std::string& folder) {
  const Json base = config.value("base_model_name_or_path", Json());
  if (!base.is_string() || base.get<std::string>().empty()) {
    fail_unreadable(
        "{}: adapter_config.json names no base_model_name_or_path; put the folder of "
        "the base model there",
        folder);
  }
  auto path = base.get<std::string>();
  const Json revision = config.value("revision", Json());
  const bool named = revision.is_string() && !revision.get<std::string>().empty();
  if (named && !fs::exists(path) && path.find('@') == std::string::npos)
    path += "@" + revision.get<std::string>();
  return path;
}

/// Layers of the head that neither the base nor the adapter has would be made up.
void check_head(const models::LoadedModel& loaded, const peft::AttachedAdapter& adapter,
                const std::string& folder, const std::string& base) {
  for (const std::string& layer : loaded.head.layers) {
    const bool brought = std::ranges::any_of(
        adapter.head, [&](const std::string& name) { return name.starts_with(layer + "."); });
    if (brought) continue;
    fail_unreadable(
        "{}: neither the adapter nor its base, {}, has the layer {} of the head, so there is "
        "nothing to predict with; name it in modules_to_save when the adapter is trained, or give "
        "a base that has it",
        folder, base, layer);
  }
}

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
  source.path = base_of_adapter(adapter.config, folder.string());
  if (is_adapter_folder(source.path) || is_run_folder(source.path)) {
    fail_unreadable("{}: its base, {}, is no plain model; export that first (graft export)",
                    folder.string(), source.path);
  }
  source.task = task_of_adapter(adapter.config, source);
  const AdapterExtras extras = read_extras(folder);
  if (!extras.pooling.empty() && !source.config.contains(models::kPoolingKey))
    source.config[models::kPoolingKey] = extras.pooling;
  models::LoadedModel loaded = models::load_model(source);
  if (loaded.model->has_classifier()) {
    // The new head comes whole from the adapter.
    if (const auto classes = classes_of_adapter(loaded, adapter, extras.classes); !classes.empty())
      loaded.model = models::refit_head(*loaded.model, classes).model;
    if (extras.problem)
      loaded.model->set_problem(*extras.problem);
    else if (models::outputs_a_number(loaded.model->config(), source.task,
                                      loaded.model->classes().size()))
      loaded.model->set_problem(Target::regression);
  }
  if (!extras.preprocessor.is_null() && !reads_texts(*loaded.model)) {
    loaded.model->set_preprocess(image::Preprocess::from_config(
        extras.preprocessor, folder.string(), loaded.model->family()));
  }
  const peft::AttachedAdapter attached = attach_file(adapter, loaded);
  check_head(loaded, attached, folder.string(), source.path);
  if (loaded.model->has_classifier()) {
    const std::string weight = loaded.model->classifier().site().path + ".weight";
    if (std::ranges::find(attached.head, weight) != attached.head.end())
      loaded.head.kept = loaded.model->classes();
  }
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

/// The module that peft saves for a tensor: its layer, or the whole head that the layer belongs to
/// (RoBERTa's classifier.dense). peft's classes for classifiers name heads as a whole of their own
/// accord, and a module that is wrapped twice has other names.
std::string saved_module(const std::string& tensor, const std::set<std::string>& saved,
                         const models::Model& model) {
  std::string layer = tensor.substr(0, tensor.rfind('.'));
  std::string head = layer.substr(0, layer.find('.'));
  if (model.task() == models::Task::next_token || (head != "classifier" && head != "score"))
    return layer;
  const bool whole = std::ranges::all_of(model.registry().parameters, [&](const nn::Parameter& p) {
    return !p.name.starts_with(head + ".") || saved.contains(p.name);
  });
  return whole ? head : layer;
}

/// Tensors of modules that peft saves whole, as the family's files have them.
std::vector<peft::SavedModule> saved_modules(const std::vector<TrainedTensor>& tensors,
                                             const models::Model& model) {
  const models::Family& family = models::find_family(model.family());
  io::TensorMap whole;
  std::set<std::string> names;
  for (const TrainedTensor& tensor : tensors) {
    whole.add(tensor.name, tensor.value->detach());
    names.insert(tensor.name);
  }
  if (reads_texts(model) && family.pack) family.pack(whole);
  std::vector<peft::SavedModule> modules;
  for (const auto& [name, value] : whole) {
    const std::string path = saved_module(name, names, model);
    if (modules.empty() || modules.back().path != path) modules.push_back({path, {}});
    modules.back().tensors.add(name.substr(path.size() + 1), value);
  }
  return modules;
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
    if (const size_t at = info.base_model.find('@'); hub && at != std::string::npos) {
      info.revision = info.base_model.substr(at + 1);
      info.base_model.resize(at);
    }
    for (const TaskType& type : kTaskTypes) {
      // Pictures have no name there, and classes of texts go without it as well.
      if (type.task == model.task() && type.task != models::Task::classes)
        info.task_type = type.name;
    }
    info.auto_mapping = {
        {"base_model_class", family.class_of(model.task(), model.config(), source.path)},
        {"parent_library", "transformers"}};
    std::vector<TrainedTensor> whole;
    std::ranges::copy_if(trained, std::back_inserter(whole), [&](const TrainedTensor& tensor) {
      return saved_in_adapter(tensor, model, choice);
    });
    for (const TrainedTensor& tensor : whole) in_adapter.insert(tensor.name);
    info.modules = saved_modules(whole, model);
    info.rename = names_in_adapter(model, job.config.values["naming"] == "v4");
    const peft::SavedAdapter result =
        peft::save_adapter(run / "adapter", model.registry(), choice, info);
    for (const auto& path : result.left) beside.emplace(path, choice.method->name);
    if (result.layers == 0) continue;
    write_extras(model, run / "adapter");
    written.emplace_back("adapter/");
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
