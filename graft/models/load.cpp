#include "graft/models/load.h"

#include <torch/types.h>

#include <algorithm>
#include <regex>
#include <set>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/checkpoint_folder.h"
#include "graft/models/darknet/files.h"
#include "graft/models/head_fit.h"
#include "graft/models/outlook.h"
#include "graft/models/sentence_files.h"
#include "graft/models/text_files.h"
#include "graft/models/text_tower.h"
#include "graft/tensor/device.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

constexpr const char* kTied = "tie_word_embeddings";
constexpr size_t kMaxConfigBytes = size_t{32} << 20;

std::string apply(const std::vector<Rename>& rules, std::string name) {
  for (const Rename& rule : rules) {
    name = std::regex_replace(name, std::regex(rule.pattern), rule.replacement,
                              std::regex_constants::format_first_only);
  }
  return name;
}

std::vector<std::string> class_names(const Json& config, const std::string& where) {
  std::vector<std::string> names;
  if (config.contains("id2label") && config["id2label"].is_object() &&
      !config["id2label"].empty()) {
    const Json& map = config["id2label"];
    names.resize(map.size());
    for (const auto& [key, value] : map.items()) {
      size_t used = 0;
      size_t index = 0;
      try {
        index = std::stoul(key, &used);
      } catch (const std::exception&) {
        index = names.size();  // refused below
      }
      if (used != key.size() || index >= names.size() || !value.is_string() ||
          !names[index].empty()) {
        fail_unreadable("{}: id2label must map 0 … {} to names, got the entry {}: {}", where,
                        names.size() - 1, key, value.dump());
      }
      names[index] = value.get<std::string>();
    }
    return names;
  }
  const int64_t count = config_integer(config, "num_labels", 2);
  for (int64_t i = 0; i < count; ++i) names.push_back("LABEL_" + std::to_string(i));
  return names;
}

/// Reads the config and weights, in Hugging Face's terms whatever they were before.
Checkpoint read_folder(const fs::path& path, const Json& overrides, bool weights) {
  if (const auto darknet = find_darknet(path)) return read_darknet(*darknet, weights);
  Checkpoint checkpoint;
  if (fs::is_directory(path)) {
    const fs::path config = path / "config.json";
    if (fs::exists(config)) checkpoint.config = read_json(config, kMaxConfigBytes);
  }
  if (weights) checkpoint.tensors = io::read_checkpoint(path);
  const bool foreign = !checkpoint.config.is_object() || !checkpoint.config.contains("model_type");
  if (foreign && !(overrides.is_object() && overrides.contains("model_type"))) {
    bool adopted = false;
    for (const Family& family : families()) {
      adopted = adopted || (family.adopt && family.adopt(checkpoint));
      if (adopted) break;
    }
    if (!adopted) {
      fail_unreadable(
          "{}: neither a config.json with a model_type nor weights in a layout that graft "
          "recognises "
          "(transformers, timm, torchvision); give a folder in Hugging Face's layout",
          path.string());
    }
  }
  if (!checkpoint.config.is_object()) checkpoint.config = Json::object();
  return checkpoint;
}

/// Renames a file's tensors to module names, adding the base prefix that files of bare models lack.
io::TensorMap to_module_names(const Family& family, const io::TensorMap& tensors,
                              const Model& model) {
  std::set<std::string> known;
  for (const auto& p : model.registry().parameters) known.insert(p.name);
  io::TensorMap renamed;
  for (const auto& [file_name, tensor] : tensors) {
    std::string name = apply(family.read, file_name);
    if (!known.count(name) && known.count(family.base_prefix + name))
      name.insert(0, family.base_prefix);
    renamed.add(name, tensor);
  }
  if (family.unpack) family.unpack(renamed);
  if (!family.unpack) return renamed;
  io::TensorMap prefixed;
  for (const auto& [name, tensor] : renamed) {
    const bool bare = !known.count(name) && known.count(family.base_prefix + name);
    prefixed.add(bare ? family.base_prefix + name : name, tensor);
  }
  return prefixed;
}

/// For a model without a preprocessor_config.json: the whole picture at the config's image size,
/// with the mean and deviation that the family's authors use.
image::Preprocess usual_preprocess(const Json& config) {
  image::Preprocess p;
  const Json size = config.value("image_size", Json(224));
  const bool pair = size.is_array() && size.size() == 2;
  p.resize_height =
      static_cast<int>(config_integer({{"image_size", pair ? size[0] : size}}, "image_size", 224));
  p.resize_width =
      static_cast<int>(config_integer({{"image_size", pair ? size[1] : size}}, "image_size", 224));
  if (p.resize_height < 1 || p.resize_width < 1 || p.resize_height > 16384 ||
      p.resize_width > 16384) {
    fail_unreadable("config.json: image_size must be from 1 to 16,384, got {}", size.dump());
  }
  const std::string type = config_text(config, "model_type", "");
  if (type != "vit" && type != "mobilenet_v2") {
    p.mean = {0.485, 0.456, 0.406};
    p.std = {0.229, 0.224, 0.225};
  }
  return p;
}

/// Whether a config says that its head is for another task than this one.
bool has_other_head(const Json& config, const Family& family, Task task) {
  const Json named = config.value("architectures", Json());
  if (!named.is_array() || named.size() != 1 || !named[0].is_string()) return false;
  const auto its = task_called(family, named[0].get<std::string>());
  return its && *its != task && *its != Task::embedding;
}

/// The layer of a tied output matrix may have a bias under another name than that of its own.
void name_bias_of_own(const Model& tied, io::TensorMap& tensors) {
  const std::string& name = tied.output().name;
  const std::string own = name.substr(0, name.rfind('.')) + ".bias";
  const at::Tensor* bias = tensors.find(tied.output().layer + ".bias");
  if (bias && !tensors.contains(own)) tensors.add(own, at::Tensor(*bias));
}

/// Whether a file has an output matrix of its own beside the embedding that a model takes for it.
bool has_own_output(const Model& model, const io::TensorMap& tensors) {
  const Model::OutputMatrix& output = model.output();
  const at::Tensor* own = output.embedding.empty() ? nullptr : tensors.find(output.name);
  const at::Tensor* embedding = own ? tensors.find(output.embedding) : nullptr;
  return embedding && own->sizes() == embedding->sizes() && !own->equal(*embedding);
}

/// Whole numbers mean nothing without the scales that some library keeps beside them.
void refuse_quantized(const Json& config, const std::string& where) {
  const Json quantized = config.value("quantization_config", Json());
  if (!quantized.is_object() || quantized.empty()) return;
  const Json method = quantized.value("quant_method", Json());
  fail_unreadable(
      "{}: config.json says that the weights are quantised ({}), which graft does not read; give "
      "the model's original weights in float32, bfloat16 or float16",
      where, method.is_string() ? method.get<std::string>() : "quantization_config");
}

std::unique_ptr<Model> build(const Family& family, const Json& config, Task task,
                             const std::vector<std::string>& classes) {
  auto model = std::make_unique<Model>(family.name, config, task);
  if (tells_classes(task)) model->set_classes(classes);
  family.build(*model, static_cast<int64_t>(classes.size()));
  return model;
}

/// The matrix whose rows are classes, the first where there are several; null where there is none.
const nn::Parameter* class_rows(const Model& model) {
  if (model.has_classifier())
    return model.registry().find(model.classifier().site().path + ".weight");
  if (model.task() != Task::boxes) return nullptr;
  const auto& all = model.registry().parameters;
  const auto found = std::ranges::find_if(all, [&](const nn::Parameter& p) {
    return p.role == nn::Role::weight && class_rows_of(model, p);
  });
  return found == all.end() ? nullptr : &*found;
}

/// Copies the checkpoint into the model, with the head fitted to its classes.
void fill(LoadedModel& result, const Family& family, const Checkpoint& checkpoint,
          const std::vector<std::string>& old_classes, const nn::Init& random,
          const std::string& where) {
  io::TensorMap tensors = to_module_names(family, checkpoint.tensors, *result.model);
  if (has_own_output(*result.model, tensors)) {
    Json config = result.model->config();
    config[kTied] = false;
    auto untied = build(family, config, result.model->task(), {});
    untied->set_text_preprocess(result.model->text_preprocess());
    tensors = to_module_names(family, checkpoint.tensors, *untied);
    name_bias_of_own(*result.model, tensors);
    result.model = std::move(untied);
  }
  Model& model = *result.model;
  // Of tied matrices a file may hold either.
  const Model::OutputMatrix& output = model.output();
  if (!output.embedding.empty() && !tensors.contains(output.embedding)) {
    if (const at::Tensor* own = tensors.find(output.name))
      tensors.add(output.embedding, at::Tensor(*own));
  }
  add_rows(tensors, model, result.tokens);
  const std::vector<std::string>& classes = model.classes();
  const nn::Parameter* head = class_rows(model);
  RowMap rows;
  rows.from.assign(classes.size(), -1);
  rows.foreign_head = has_other_head(checkpoint.config, family, model.task());
  const at::Tensor* had = head ? tensors.find(head->name) : nullptr;
  const bool has_head = had && !rows.foreign_head && had->dim() == head->value->dim() &&
                        had->sizes().slice(1) == head->value->sizes().slice(1);
  std::map<std::string, int64_t> old_index;
  for (size_t i = 0; i < old_classes.size(); ++i)
    old_index.emplace(old_classes[i], static_cast<int64_t>(i));
  for (size_t i = 0; i < classes.size() && has_head; ++i) {
    const auto found = old_index.find(classes[i]);
    if (found != old_index.end()) rows.from[i] = found->second;
  }
  rows.same = has_head && classes == old_classes;
  copy_tensors(tensors, rows, result.folder, result);
  init_new_layers(result, random);
  if (!result.missing.empty()) {
    fail_unreadable(
        "{}: {} of the model's tensors are not in the weights, the first is {}; config.json and "
        "weights do not belong together",
        where, result.missing.size(), result.missing.front());
  }
  for (size_t i = 0; i < classes.size(); ++i)
    (rows.from[i] >= 0 ? result.head.kept : result.head.added).push_back(classes[i]);
  for (const auto& name : old_classes) {
    if (has_head && std::ranges::find(classes, name) == classes.end())
      result.head.dropped.push_back(name);
  }
}

/// What a config leaves out is as transformers takes it, and is said when the model is written. Of
/// a config `alone`, heads are as many as it has, not as many as some model of that family.
void complete_config(Json& config, const Family& family, bool alone) {
  if (alone && config.contains("num_attention_heads") && config.contains("hidden_size")) {
    const int64_t heads = config_integer(config, "num_attention_heads", 1);
    for (const auto& [key, value] :
         {std::pair<const char*, int64_t>{"num_key_value_heads", heads},
          {"head_dim", config_integer(config, "hidden_size", 1) / std::max<int64_t>(1, heads)}}) {
      if (family.defaults.contains(key) && !config.contains(key)) config[key] = value;
    }
  }
  // The newer form says all of it.
  const bool rotations = config.contains("rope_parameters");
  for (const auto& [key, value] : family.defaults.items()) {
    if (!config.contains(key) && !(rotations && key.find("rope") != std::string::npos))
      config[key] = value;
  }
}

/// A model from nothing pads as its tokenizer does, not as its family's first model did.
void name_padding(Json& config, const texts::Preprocess& tokenizing) {
  if (config.contains("pad_token_id") || !tokenizing.tokenizer) return;
  const auto token = tokenizing.tokenizer->special_token("pad_token");
  const auto id = token ? tokenizing.tokenizer->token_to_id(*token) : std::nullopt;
  config["pad_token_id"] = id ? Json(*id) : Json();
}

/// What a decoder that classifies passes over at the end of a text, if anything.
std::optional<int32_t> unread_end(const Family& family, const Json& config, Task task) {
  if (task != Task::classes || !family.architectures.contains(Task::next_token) ||
      pooling_of(config, Pooling::last) != Pooling::last)
    return std::nullopt;
  const int64_t padding = config_integer(config, "pad_token_id", -1);
  return padding < 0 ? std::nullopt : std::make_optional(static_cast<int32_t>(padding));
}

}  // namespace

LoadedModel load_model(const ModelSource& source, const std::vector<std::string>& wanted) {
  LoadedModel result;
  Checkpoint checkpoint;
  if (!source.path.empty()) {
    result.folder = find_model(source.path);
    if (fs::exists(result.folder / "adapter_config.json") &&
        !fs::exists(result.folder / "config.json")) {
      fail_usage(
          "{} is an adapter of peft, no model of its own: eval, predict and generate take it as it "
          "is; for anything else write it into its base first (graft export {} -o FOLDER) and give "
          "that folder",
          source.path, source.path);
    }
    checkpoint = read_folder(result.folder, source.config, !source.random);
  } else if (!source.random) {
    fail_usage("model: a config without weights needs init: random");
  } else {
    checkpoint.config = Json::object();
  }
  Json& config = checkpoint.config;
  if (source.config.is_object()) config.update(source.config);
  const std::string where = result.folder.empty() ? "model.config" : result.folder.string();
  if (!config.contains("model_type") || !config["model_type"].is_string()) {
    fail_unreadable("{}: the config has no model_type", where);
  }
  if (!source.random) refuse_quantized(config, where);
  const Family& family = family_of(config["model_type"].get<std::string>(), where);
  family.architecture(source.task, where);  // refused here when there is none
  if (family.complete) family.complete(checkpoint);
  complete_config(config, family, source.path.empty());

  std::vector<std::string> old_classes =
      source.path.empty() && !config.contains("id2label") && !config.contains("num_labels")
          ? wanted
          : class_names(config, where);
  if (!source.path.empty() && outputs_a_number(config, source.task, old_classes.size()))
    config["problem_type"] = problem_name(Target::regression);
  // The one output of a regression has whatever name: its row is kept all the same.
  if (config.value("problem_type", Json()) == problem_name(Target::regression) &&
      old_classes.size() == 1 && wanted == std::vector<std::string>{"value"})
    old_classes = wanted;
  std::vector<std::string> classes;
  if (tells_classes(source.task)) {
    classes = wanted.empty() ? old_classes : wanted;
    if (classes.empty())
      fail_usage("{}: the number of classes is not known; give data or id2label", where);
  }
  Json preprocessor;
  if (config.contains("preprocessor")) {
    preprocessor = config["preprocessor"];
    config.erase("preprocessor");
  }
  if (const fs::path file = result.folder / "preprocessor_config.json";
      !result.folder.empty() && fs::exists(file)) {
    preprocessor = read_json(file, kMaxConfigBytes);
  }
  if (family.content == Content::text && !result.folder.empty()) {
    const bool given = source.config.is_object() && source.config.contains(kPoolingKey);
    // What transformers' classifiers pool says nothing of embeddings.
    if (source.task == Task::embedding && !given) config.erase(kPoolingKey);
    read_sentence_files(config, result.folder, source.task, given);
  }
  texts::Preprocess tokenizing;
  if (family.content == Content::text) {
    expect_changing_shapes();
    const fs::path tokenizer =
        source.tokenizer.empty() ? result.folder : find_model(source.tokenizer);
    tokenizing = read_text_preprocess(tokenizer, config, source.max_length, source.add_tokens);
    result.tokens = make_room(tokenizing, config);
    result.tokens.random = source.random;
    if (source.path.empty()) name_padding(config, tokenizing);
    tokenizing.unread_end = unread_end(family, config, source.task);
  } else if (!source.add_tokens.empty()) {
    fail_usage("model.add_tokens: {} reads pictures and has no tokens", where);
  }

  result.model = build(family, config, source.task, classes);
  result.head.task = source.task;
  if (family.content == Content::text) {
    result.model->set_text_preprocess(std::move(tokenizing));
  } else {
    result.model->set_preprocess(
        preprocessor.is_null() ? usual_preprocess(config)
                               : image::Preprocess::from_config(preprocessor, where, family.name));
  }
  const nn::Init random(source.seed);
  if (source.random) {
    family.init(*result.model, random);
    note_new_head(result);
    result.head.added = classes;
  } else {
    fill(result, family, checkpoint, old_classes, random, where);
  }
  return result;
}

LoadedModel refit_head(const Model& model, const std::vector<std::string>& classes) {
  LoadedModel result;
  const Family& family = find_family(model.family());
  result.model = build(family, model.config(), model.task(), classes);
  result.head.task = model.task();
  result.model->set_preprocess(model.preprocess());
  result.model->set_text_preprocess(model.text_preprocess());
  io::TensorMap tensors;
  for (const auto& p : model.registry().parameters) tensors.add(p.name, *p.value);
  RowMap rows;
  const auto& old = model.classes();
  for (const auto& name : classes) {
    const auto found = std::find(old.begin(), old.end(), name);
    rows.from.push_back(found == old.end() ? -1 : found - old.begin());
    (found == old.end() ? result.head.added : result.head.kept).push_back(name);
  }
  for (const auto& name : old) {
    if (std::find(classes.begin(), classes.end(), name) == classes.end())
      result.head.dropped.push_back(name);
  }
  rows.same = old == classes;
  copy_tensors(tensors, rows, "the earlier model", result);
  return result;
}

LoadedModel change_head(const Model& model, const ModelSource& source,
                        const std::vector<std::string>& classes) {
  LoadedModel result;
  const Family& family = find_family(model.family());
  family.architecture(source.task, "model");  // refused here when there is none
  Json config = model.config();
  if (source.config.is_object()) config.update(source.config);
  result.model = build(family, config, source.task, classes);
  result.head.task = source.task;
  result.head.added = classes;
  result.model->set_preprocess(model.preprocess());
  const texts::Preprocess& before = model.text_preprocess();
  result.model->set_text_preprocess(
      before.tokenizer ? read_text_preprocess(before.folder, config, source.max_length) : before);
  io::TensorMap tensors;
  for (const auto& p : model.registry().parameters) tensors.add(p.name, *p.value);
  RowMap rows;
  rows.foreign_head = true;
  copy_tensors(tensors, rows, "the earlier model", result);
  init_new_layers(result, nn::Init(source.seed));
  GRAFT_ASSERT(result.missing.empty());
  return result;
}

bool head_is_tied(const Model& model) {
  return model.task() == Task::next_token && !model.output().embedding.empty();
}

LoadedModel untie_head(const Model& model) {
  GRAFT_ASSERT(!model.output().embedding.empty());
  LoadedModel result;
  Json config = model.config();
  config[kTied] = false;
  result.model = build(find_family(model.family()), config, model.task(), {});
  result.model->set_text_preprocess(model.text_preprocess());
  result.head.task = model.task();
  io::TensorMap tensors;
  for (const auto& p : model.registry().parameters) tensors.add(p.name, *p.value);
  tensors.add(model.output().name, at::Tensor(tensors.at(model.output().embedding)));
  name_bias_of_own(model, tensors);
  copy_tensors(tensors, {}, "the model with a tied head", result);
  GRAFT_ASSERT(result.missing.empty());
  return result;
}

std::string hub_name(const Family& family, const std::string& module_name) {
  return apply(family.write, module_name);
}
std::string module_name(const Family& family, const std::string& hub_name) {
  return apply(family.read, hub_name);
}

}  // namespace graft::models
