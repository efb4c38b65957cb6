#include <torch/types.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/io/torch_pickle.h"
#include "graft/nn/seam.h"
#include "graft/peft/hf_fields.h"
#include "graft/peft/hf_format.h"
#include "graft/peft/hf_targets.h"

namespace graft::peft {
namespace {

constexpr size_t kMaxConfigBytes = size_t{16} << 20;

bool is_set(const Json& config, const char* key) {
  return config.contains(key) && !config[key].is_null();
}

/// The tensors of one layer.
struct FileLayer {
  nn::Seam* seam;
  nn::Site site;
  std::string file_path;  ///< the layer's path in the file's words
  io::TensorMap tensors;
};

/// A tensor of modules_to_save and where it goes.
struct FileParameter {
  const nn::Parameter* parameter;
  std::string file_path;  ///< the module's path in the file's words
  at::Tensor value;
};

/// A weight or bias of the base that lies in the file beside the layer's adapter: peft repeats
/// embeddings and output matrices that are targets, because they might have been resized.
struct FileBase {
  at::Tensor* tensor;
  std::string file_path;
  at::Tensor value;
};

struct Places {
  std::vector<FileLayer> layers;
  std::vector<FileParameter> parameters;
  std::vector<FileBase> bases;
};

at::Tensor* base_tensor(nn::Seam& seam, const std::string& below) {
  if (below == "base_layer.weight" || below == "weight") return &seam.weight();
  return below == "base_layer.bias" && seam.bias().defined() ? &seam.bias() : nullptr;
}

/// What peft repeats beside adapters on request (save_embedding_layers), or because the vocabulary
/// might have been resized.
bool may_be_repeated(const nn::Parameter& p) {
  return p.role == nn::Role::embedding || p.name == "lm_head.weight";
}

/// What "modules_to_save" and "ensure_weight_tying" say.
struct SavedWhole {
  SavedWhole(const Json& config, const std::string& where)
      : tied(read_flag(config, "ensure_weight_tying", where)) {
    if (is_set(config, "modules_to_save"))
      entries = read_names(config["modules_to_save"], where, "modules_to_save");
  }
  /// Under either of the names of a tensor, or of the module in which it is.
  bool has(const std::string& file_path, const std::string& name) const {
    return tied || saved_whole(file_path, entries) || saved_whole(name, entries);
  }
  bool tied;  // then the output matrix is saved as well, without being named
  std::vector<std::string> entries;
};

/// Finds every tensor's place: below a seam it belongs to an adapter, unless it is a parameter
/// itself.
Places place(nn::Registry& registry, const LoadedAdapter& adapter, const SavedWhole& saved,
             const Rename& rename, const std::string& where) {
  std::map<std::string, nn::Seam*> seams;
  for (nn::Seam* seam : registry.seams) seams.emplace(seam->site().path, seam);
  std::map<std::string, const nn::Parameter*> parameters;
  for (const auto& parameter : registry.parameters) parameters.emplace(parameter.name, &parameter);
  const auto renamed = [&rename](const std::string& path) { return rename ? rename(path) : path; };

  Places places;
  std::map<std::string, size_t> layer_of;
  for (const auto& [name, tensor] : adapter.tensors) {
    bool placed = false;
    for (size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0 && !placed;
         dot = name.rfind('.', dot - 1)) {
      const std::string file_path = name.substr(0, dot);
      const std::string below = name.substr(dot + 1);
      const std::string path = renamed(file_path);
      if (const auto found = parameters.find(fmt::format("{}.{}", path, below));
          found != parameters.end()) {
        const nn::Parameter& p = *found->second;
        if (may_be_repeated(p) && !saved.has(file_path, p.name))
          places.bases.push_back({p.value, file_path, tensor});
        else
          places.parameters.push_back({&p, file_path, tensor});
        placed = true;
      } else if (const auto seam = seams.find(path); seam == seams.end()) {
        continue;
      } else if (at::Tensor* base = base_tensor(*seam->second, below)) {
        places.bases.push_back({base, file_path, tensor});
        placed = true;
      } else {
        const auto [entry, added] = layer_of.try_emplace(path, places.layers.size());
        if (added) places.layers.push_back({seam->second, seam->second->site(), file_path, {}});
        places.layers[entry->second].tensors.add(below, tensor);
        placed = true;
      }
    }
    if (!placed) {
      fail_unreadable(
          "{}: the tensor {} belongs to no layer of this model; the adapter was made for another "
          "architecture, or for another size of it",
          where, name);
    }
  }
  return places;
}

/// What graft takes the file for: the first method of its peft_type that has all it asks for.
std::pair<const Method*, Json> method_of(const Json& config, const std::string& where) {
  if (!is_set(config, "peft_type") || !config["peft_type"].is_string()) {
    fail_unreadable(
        "{}: adapter_config.json has no peft_type; expected a folder that peft's save_pretrained "
        "wrote",
        where);
  }
  const auto type = config["peft_type"].get<std::string>();
  std::optional<Error> refusal;
  std::string known;
  for (const Method& method : methods()) {
    if (method.peft_type.empty()) continue;
    if (known.find(method.peft_type) == std::string::npos)
      known += (known.empty() ? "" : ", ") + method.peft_type;
    if (method.peft_type != type) continue;
    try {
      return {&method, method.peft_options(config, where)};
    } catch (const Error& e) {
      if (!refusal) refusal = e;
    }
  }
  if (refusal) throw Error(*refusal);
  fail_unreadable("{}: adapters of the peft_type '{}' are not ones that graft reads; known: {}",
                  where, type, known);
}

Options checked(const Method& method, const Json& options, const std::string& where) {
  try {
    return {method.options, options, "method " + method.name};
  } catch (const Error& e) {
    fail_unreadable("{}: {}", where, e.what());
  }
}

void check_bases(const std::vector<FileBase>& bases, const std::string& where) {
  for (const FileBase& base : bases) {
    if (base.value.sizes() == base.tensor->sizes() && base.value.is_floating_point()) continue;
    fail_unreadable(
        "{}: the file brings a weight of {} with the shape [{}], this model's is [{}]; the "
        "vocabulary was resized: merge the adapter with peft and give the merged model",
        where, base.file_path, fmt::join(base.value.sizes(), ", "),
        fmt::join(base.tensor->sizes(), ", "));
  }
}

/// An entry that names no module of the model says nothing: peft lists the heads of all models
/// (classifier, score) for every classifier.
void check_parameters(const nn::Registry& registry, const SavedWhole& saved,
                      const std::vector<FileParameter>& given, const std::string& where) {
  std::vector<std::string> names;
  for (const FileParameter& p : given) {
    const std::string& name = p.parameter->name;
    names.push_back(name);
    if (!saved.has(p.file_path, name)) {
      fail_unreadable("{}: the tensor for {} stands under no entry of modules_to_save ({})", where,
                      name, fmt::join(saved.entries, ", "));
    }
    if (p.value.sizes() != p.parameter->value->sizes()) {
      fail_unreadable(
          "{}: {} has the shape [{}], this model's is [{}]; for a head that usually means another "
          "number "
          "of classes",
          where, name, fmt::join(p.value.sizes(), ", "),
          fmt::join(p.parameter->value->sizes(), ", "));
    }
    if (p.value.is_floating_point() != p.parameter->value->is_floating_point() ||
        p.value.is_complex()) {
      fail_unreadable("{}: {} has the type {}, expected {}", where, name,
                      toString(p.value.scalar_type()), toString(p.parameter->value->scalar_type()));
    }
  }
  for (const auto& p : registry.parameters) {
    if (p.is_buffer() || !saved_whole(p.name, saved.entries)) continue;
    if (std::find(names.begin(), names.end(), p.name) == names.end()) {
      fail_unreadable("{}: modules_to_save asks for {}, but the file has no tensor for it", where,
                      p.name);
    }
  }
}

}  // namespace

io::TensorMap adapter_file(const std::filesystem::path& folder) {
  const auto tensors = folder / "adapter_model.safetensors";
  const auto pickle = folder / "adapter_model.bin";
  if (std::filesystem::exists(tensors)) return io::SafetensorsReader(tensors).all();
  if (std::filesystem::exists(pickle)) return io::read_torch_pickle(pickle);
  fail_unreadable("{}: there is neither adapter_model.safetensors nor adapter_model.bin",
                  folder.string());
}

LoadedAdapter load_adapter(const std::filesystem::path& folder) {
  const std::string where = folder.string();
  const auto config = folder / "adapter_config.json";
  if (!std::filesystem::exists(config)) {
    fail_unreadable(
        "{}: there is no adapter_config.json; expected a folder that peft's save_pretrained wrote",
        where);
  }
  LoadedAdapter adapter;
  adapter.folder = folder;
  adapter.config = read_json(config, kMaxConfigBytes);
  if (!adapter.config.is_object()) {
    fail_unreadable("{}: expected an object of settings, got {}", config.string(),
                    adapter.config.type_name());
  }
  const io::TensorMap file = adapter_file(folder);
  const std::string root = "base_model.model.";
  for (const auto& [name, tensor] : file) {
    // What save_embedding_layers repeats once more where the layer is saved whole.
    if (name.find(".modules_to_save.") != std::string::npos ||
        name.find(".original_module.") != std::string::npos)
      continue;
    if (!name.starts_with(root)) {
      // Prompts and the like have other names: they are refused by their type.
      if (is_set(adapter.config, "peft_type")) method_of(adapter.config, where);
      fail_unreadable("{}: the tensor {} does not begin with '{}', as those that peft writes do",
                      where, name, root);
    }
    adapter.tensors.add(name.substr(root.size()), tensor);
  }
  return adapter;
}

AttachedAdapter attach_adapter(nn::Registry& registry, const LoadedAdapter& adapter,
                               const Rename& rename) {
  const std::string where = adapter.folder.string();
  const Json& config = adapter.config;
  auto [method, options] = method_of(config, where);
  const SavedWhole saved(config, where);
  const Places places = place(registry, adapter, saved, rename, where);
  if (places.layers.empty())
    fail_unreadable("{}: the file holds no adapter of any layer of this model", where);
  check_parameters(registry, saved, places.parameters, where);
  check_bases(places.bases, where);

  const Targets targets(config, where);
  std::vector<std::string> paths;
  for (const FileLayer& layer : places.layers) {
    paths.push_back(layer.site.path);
    if (!saved.tied && !targets.match(layer.file_path, layer.site) &&
        !targets.match(layer.site.path, layer.site)) {
      fail_unreadable("{}: the file holds an adapter of {}, which target_modules does not name",
                      where, layer.file_path);
    }
  }
  for (nn::Seam* seam : registry.seams) {
    const nn::Site site = seam->site();
    if (!targets.exact() || !targets.match(site.path, site)) continue;
    if (std::find(paths.begin(), paths.end(), site.path) != paths.end()) continue;
    fail_unreadable("{}: target_modules names the layer {}, but the file has no adapter of it",
                    where, site.path);
  }

  const LayerSettings settings(config, where);
  std::vector<std::shared_ptr<nn::Adapter>> made;
  for (const FileLayer& layer : places.layers) {
    const std::string at = fmt::format("{}, layer {}", where, layer.file_path);
    for (const auto& [name, tensor] : layer.tensors) {
      if (!tensor.is_floating_point()) {
        fail_unreadable("{}: {} has the type {}, expected floating point", at, name,
                        toString(tensor.scalar_type()));
      }
    }
    if (!method->peft_serves(layer.site)) {
      fail_unreadable(
          "{}: peft's {} on this layer is not what graft's is, because the layer is dilated or "
          "pads with "
          "something other than zeros",
          at, method->peft_type);
    }
    const Json own = settings.of(layer.file_path);
    made.push_back(
        method->peft_import(layer.site, method->peft_options(own, at), layer.tensors, at));
  }

  options["target"] = paths;
  AttachedAdapter attached{{method, checked(*method, options, where)}, {}};
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < made.size(); ++i) {
    nn::Seam& seam = *places.layers[i].seam;
    for (const nn::NamedTensor& tensor : made[i]->parameters()) {
      *tensor.value = tensor.value->to(seam.weight().device());
    }
    seam.attach(made[i]);
  }
  for (const FileBase& base : places.bases) base.tensor->copy_(base.value);
  for (const FileParameter& p : places.parameters) {
    p.parameter->value->copy_(p.value);
    attached.head.push_back(p.parameter->name);
  }
  return attached;
}

}  // namespace graft::peft
