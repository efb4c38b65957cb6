#include "graft/models/load.h"

#include <torch/types.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <regex>
#include <set>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/checkpoint_folder.h"
#include "graft/io/hub_cache.h"
#include "graft/io/safetensors.h"
#include "graft/models/text_files.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

constexpr const char* kOutputMatrix = "lm_head.weight";
constexpr size_t kMaxConfigBytes = size_t{32} << 20;

std::string apply(const std::vector<Rename>& rules, std::string name) {
  for (const Rename& rule : rules) {
    name = std::regex_replace(name, std::regex(rule.pattern), rule.replacement,
                              std::regex_constants::format_first_only);
  }
  return name;
}

/// Folders that may hold bundled models: beside the program, in the source tree, in the install
/// prefix.
std::vector<fs::path> bundle_folders() {
  std::vector<fs::path> folders;
  if (const char* given = std::getenv("GRAFT_MODELS")) folders.emplace_back(given);
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (fs::path at = program; at.has_relative_path(); at = at.parent_path()) {
    folders.push_back(at / "examples" / "models");
    folders.push_back(at / "share" / "graft" / "models");
  }
  return folders;
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

std::string shape_text(at::IntArrayRef sizes) {
  return fmt::format("[{}]", fmt::join(sizes.begin(), sizes.end(), ", "));
}

bool in_head(const Model& model, const nn::Parameter& p) {
  return model.block_span(p.block) == Span::head;
}

/// Whether the first dimension is the classes: of all that the last block of a classifier holds.
bool of_classes(const Model& model, const nn::Parameter& p) {
  return model.has_classifier() && p.block == model.size() - 1;
}

/// Copies the checkpoint into the model; rows of the head follow `from`: the wanted class → its old
/// row.
void copy_tensors(Model& model, const io::TensorMap& tensors, const std::vector<int64_t>& from,
                  bool same_classes, const fs::path& where, LoadedModel& result) {
  const at::NoGradGuard no_grad;
  std::set<std::string> used;
  for (auto& p : model.registry().parameters) {
    const at::Tensor* found = tensors.find(p.name);
    if (!found) {
      const bool optional = p.is_buffer() && p.name.ends_with("num_batches_tracked");
      // Only a head of classes may be new.
      const bool new_head = in_head(model, p) && model.has_classifier();
      if (!optional && !new_head) result.missing.push_back(p.name);
      continue;
    }
    used.insert(p.name);
    if (of_classes(model, p) && !same_classes) {
      auto shape = p.value->sizes().vec();
      auto old_shape = found->sizes().vec();
      const bool rows = !old_shape.empty() && old_shape.size() == shape.size() &&
                        std::equal(shape.begin() + 1, shape.end(), old_shape.begin() + 1);
      if (!rows) continue;  // a head of another width has nothing to keep
      for (size_t i = 0; i < from.size(); ++i) {
        if (from[i] >= 0 && from[i] < found->size(0)) {
          p.value->select(0, static_cast<int64_t>(i)).copy_(found->select(0, from[i]));
        }
      }
      continue;
    }
    if (found->sizes() != p.value->sizes()) {
      if (in_head(model, p)) continue;
      fail_unreadable(
          "{}: {} has the shape {}, the config asks for {}; config.json and weights do not belong "
          "together",
          where.string(), p.name, shape_text(found->sizes()), shape_text(p.value->sizes()));
    }
    p.value->copy_(*found);
  }
  for (const auto& [name, tensor] : tensors) {
    if (!used.count(name)) result.unused.push_back(name);
  }
}

/// A head's layers below the classes start with random numbers where the checkpoint has none: with
/// zeros nothing would reach the classifier, which starts at zero itself.
void init_missing_head(Model& model, const io::TensorMap& tensors, const nn::Init& random) {
  for (auto& p : model.registry().parameters) {
    if (!in_head(model, p) || of_classes(model, p) || p.role != nn::Role::weight) continue;
    const at::Tensor* found = tensors.find(p.name);
    if (!found || found->sizes() != p.value->sizes()) random.normal(p.name, *p.value, 0.02);
  }
}

}  // namespace

std::string HeadFit::summary() const {
  const auto some = [](const std::vector<std::string>& names) {
    std::string text;
    for (size_t i = 0; i < names.size() && i < 8; ++i) text += (i ? ", " : "") + names[i];
    return names.size() > 8 ? fmt::format("{}, … ({} in all)", text, names.size()) : text;
  };
  std::string text = fmt::format("head: {} classes kept from the checkpoint", kept.size());
  if (!kept.empty()) text += fmt::format(" ({})", some(kept));
  text += fmt::format(", {} new", added.size());
  if (!added.empty()) text += fmt::format(" ({})", some(added));
  if (!dropped.empty()) text += fmt::format(", {} of the checkpoint dropped", dropped.size());
  return text;
}

fs::path find_model(const std::string& path) {
  if (path.empty())
    fail_usage(
        "model: no path was given; give a folder, a weight file, or org/name from the cache");
  if (fs::exists(path)) return path;
  for (const auto& folder : bundle_folders()) {
    if (path.find('/') == std::string::npos && fs::exists(folder / path)) return folder / path;
  }
  const auto slash = path.find('/');
  const bool hub_id = slash != std::string::npos && slash > 0 &&
                      path.find('/', slash + 1) == std::string::npos && path[0] != '.' &&
                      path[0] != '~';
  if (hub_id) return io::find_in_hub_cache(path);
  std::string bundled;
  for (const auto& folder : bundle_folders()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.is_directory())
        bundled += (bundled.empty() ? "" : ", ") + entry.path().filename().string();
    }
  }
  fail_unreadable(
      "model: there is no '{}': not a folder or file, not org/name, and not a bundled model ({})",
      path, bundled.empty() ? "none found" : bundled);
}

LoadedModel load_model(const ModelSource& source, const std::vector<std::string>& wanted) {
  LoadedModel result;
  Checkpoint checkpoint;
  if (!source.path.empty()) {
    result.folder = find_model(source.path);
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
  const Family& family = family_of(config["model_type"].get<std::string>(), where);

  std::vector<std::string> old_classes =
      source.path.empty() && !config.contains("id2label") && !config.contains("num_labels")
          ? wanted
          : class_names(config, where);
  // The one output of a regression has whatever name: its row is kept all the same.
  if (config.value("problem_type", Json()) == problem_name(Target::regression) &&
      old_classes.size() == 1 && wanted == std::vector<std::string>{"value"})
    old_classes = wanted;
  const std::vector<std::string> classes = wanted.empty() ? old_classes : wanted;
  if (std::find(family.tasks.begin(), family.tasks.end(), source.task) == family.tasks.end()) {
    fail_usage("{}: a {} model {}; give another model or task", where, family.name,
               source.task == Task::classes ? "does not classify" : "does not continue texts");
  }
  const bool classifies = source.task == Task::classes;
  if (classifies && classes.empty())
    fail_usage("{}: the number of classes is not known; give data or id2label", where);
  Json preprocessor;
  if (config.contains("preprocessor")) {
    preprocessor = config["preprocessor"];
    config.erase("preprocessor");
  }
  if (const fs::path file = result.folder / "preprocessor_config.json";
      !result.folder.empty() && fs::exists(file)) {
    preprocessor = read_json(file, kMaxConfigBytes);
  }

  if (family.content == Content::text && !result.folder.empty())
    note_pooling(config, result.folder);
  result.model = std::make_unique<Model>(family.name, config, source.task);
  Model& model = *result.model;
  if (classifies) model.set_classes(classes);
  family.build(model, static_cast<int64_t>(classes.size()));
  if (family.content == Content::text) {
    const fs::path tokenizer =
        source.tokenizer.empty() ? result.folder : find_model(source.tokenizer);
    model.set_text_preprocess(read_text_preprocess(tokenizer, model.config(), source.max_length));
  } else {
    model.set_preprocess(preprocessor.is_null()
                             ? usual_preprocess(model.config())
                             : image::Preprocess::from_config(preprocessor, where, family.name));
  }

  const nn::Init random(source.seed);
  if (source.random) family.init(model, random);
  std::vector<int64_t> from(classes.size(), -1);
  if (!source.random) {
    std::map<std::string, int64_t> old_index;
    for (size_t i = 0; i < old_classes.size(); ++i)
      old_index.emplace(old_classes[i], static_cast<int64_t>(i));
    const io::TensorMap tensors = to_module_names(family, checkpoint.tensors, model);
    const nn::Parameter* head =
        classifies ? model.registry().find(model.classifier().site().path + ".weight") : nullptr;
    const bool has_head = head && tensors.contains(head->name) &&
                          tensors.at(head->name).dim() == 2 &&
                          tensors.at(head->name).size(1) == head->value->size(1);
    for (size_t i = 0; i < classes.size() && has_head; ++i) {
      const auto found = old_index.find(classes[i]);
      if (found != old_index.end()) from[i] = found->second;
    }
    copy_tensors(model, tensors, from, has_head && classes == old_classes, result.folder, result);
    {
      const at::NoGradGuard no_grad;
      init_missing_head(model, tensors, random);
    }
    if (!result.missing.empty()) {
      fail_unreadable(
          "{}: {} of the model's tensors are not in the weights, the first is {}; config.json and "
          "weights "
          "do not belong together",
          where, result.missing.size(), result.missing.front());
    }
    if (has_head) {
      for (const auto& name : old_classes) {
        if (std::find(classes.begin(), classes.end(), name) == classes.end())
          result.head.dropped.push_back(name);
      }
    }
  }
  for (size_t i = 0; classifies && i < classes.size(); ++i)
    (from[i] >= 0 ? result.head.kept : result.head.added).push_back(classes[i]);
  return result;
}

LoadedModel refit_head(const Model& model, const std::vector<std::string>& classes) {
  LoadedModel result;
  const Family& family = find_family(model.family());
  result.model = std::make_unique<Model>(model.family(), model.config());
  result.model->set_classes(classes);
  family.build(*result.model, static_cast<int64_t>(classes.size()));
  result.model->set_preprocess(model.preprocess());
  result.model->set_text_preprocess(model.text_preprocess());
  io::TensorMap tensors;
  for (const auto& p : model.registry().parameters) tensors.add(p.name, *p.value);
  std::vector<int64_t> from;
  const auto& old = model.classes();
  for (const auto& name : classes) {
    const auto found = std::find(old.begin(), old.end(), name);
    from.push_back(found == old.end() ? -1 : found - old.begin());
    (found == old.end() ? result.head.added : result.head.kept).push_back(name);
  }
  for (const auto& name : old) {
    if (std::find(classes.begin(), classes.end(), name) == classes.end())
      result.head.dropped.push_back(name);
  }
  copy_tensors(*result.model, tensors, from, old == classes, "the earlier model", result);
  return result;
}

bool head_is_tied(const Model& model) {
  return model.task() == Task::next_token && !model.registry().find(kOutputMatrix);
}

LoadedModel untie_head(const Model& model) {
  GRAFT_ASSERT(head_is_tied(model));
  LoadedModel result;
  const Family& family = find_family(model.family());
  Json config = model.config();
  config["tie_word_embeddings"] = false;
  result.model = std::make_unique<Model>(model.family(), config, Task::next_token);
  family.build(*result.model, 0);
  result.model->set_text_preprocess(model.text_preprocess());
  const at::Tensor& output = *result.model->registry().find(kOutputMatrix)->value;
  io::TensorMap tensors;
  for (const auto& p : model.registry().parameters) {
    tensors.add(p.name, *p.value);
    if (p.block == 0 && p.value->sizes() == output.sizes() && !tensors.contains(kOutputMatrix))
      tensors.add(kOutputMatrix, *p.value);
  }
  copy_tensors(*result.model, tensors, {}, true, "the model with a tied head", result);
  GRAFT_ASSERT(result.missing.empty());
  return result;
}

std::string hub_name(const Family& family, const std::string& module_name) {
  return apply(family.write, module_name);
}
std::string module_name(const Family& family, const std::string& hub_name) {
  return apply(family.read, hub_name);
}

void save_model(const Model& model, const fs::path& folder) {
  const Family& family = find_family(model.family());
  fs::create_directories(folder);
  io::TensorMap tensors;
  for (const auto& p : model.registry().parameters) tensors.add(p.name, p.value->detach().cpu());
  if (family.pack) family.pack(tensors);
  io::TensorMap named;
  for (const auto& [name, tensor] : tensors) named.add(hub_name(family, name), tensor);
  io::write_safetensors(folder / "model.safetensors", named, {{"format", "pt"}});
  Json config = model.config();
  // A kind of the same model (DeiT…WithTeacher) stays what it was; a bare backbone gets the head's
  // class.
  const std::string& architecture =
      model.task() == Task::classes ? family.architecture : family.language_architecture;
  const Json& was = config.contains("architectures") ? config["architectures"] : Json();
  const bool variant = was.is_array() && was.size() == 1 && was[0].is_string() &&
                       was[0].get<std::string>().starts_with(architecture);
  if (!variant) config["architectures"] = Json::array({architecture});
  config["model_type"] = family.model_types.front();
  config["dtype"] = "float32";
  write_json(folder / "config.json", config);
  if (family.content == Content::images) {
    write_json(folder / "preprocessor_config.json", model.preprocess().to_config());
    return;
  }
  for (const fs::path& file : model.text_preprocess().files()) {
    if (!fs::exists(folder / file.filename()) || !fs::equivalent(file, folder / file.filename()))
      fs::copy_file(file, folder / file.filename(), fs::copy_options::overwrite_existing);
  }
}

}  // namespace graft::models
