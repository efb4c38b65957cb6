#include "graft/models/convert.h"

#include <torch/types.h>

#include <cmath>
#include <regex>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/io/tfjs.h"
#include "graft/models/convert_llama2c.h"
#include "graft/models/load.h"
#include "graft/models/outlook.h"

namespace graft::models {
namespace fs = std::filesystem;
namespace {

/// Keras' MobileNetV2 layer → the module of transformers that holds it; "" when it is something
/// else.
std::string module_of(const std::string& layer) {
  static constexpr std::pair<const char*, const char*> kFixed[] = {
      {"Conv1", "conv_stem.first_conv.convolution"},
      {"bn_Conv1", "conv_stem.first_conv.normalization"},
      {"expanded_conv_depthwise", "conv_stem.conv_3x3.convolution"},
      {"expanded_conv_depthwise_BN", "conv_stem.conv_3x3.normalization"},
      {"expanded_conv_project", "conv_stem.reduce_1x1.convolution"},
      {"expanded_conv_project_BN", "conv_stem.reduce_1x1.normalization"},
      {"Conv_1", "conv_1x1.convolution"},
      {"Conv_1_bn", "conv_1x1.normalization"}};
  for (const auto& [keras, module] : kFixed) {
    if (layer == keras) return module;
  }
  static const std::regex block_name("block_([0-9]{1,2})_(expand|depthwise|project)(_BN)?");
  std::smatch parts;
  if (!std::regex_match(layer, parts, block_name)) return "";
  const std::string unit = parts[2] == "expand"      ? "expand_1x1"
                           : parts[2] == "depthwise" ? "conv_3x3"
                                                     : "reduce_1x1";
  return fmt::format("layer.{}.{}.{}", std::stoi(parts[1]) - 1, unit,
                     parts[3].matched ? "normalization" : "convolution");
}

std::string tensor_of(const std::string& keras) {
  if (keras == "gamma") return "weight";
  if (keras == "beta") return "bias";
  if (keras == "moving_mean") return "running_mean";
  if (keras == "moving_variance") return "running_var";
  return "weight";
}

std::string convert_keras_mobilenet(const io::TfjsModel& source, const fs::path& folder) {
  io::TensorMap tensors;
  int64_t stem = 0;
  std::vector<std::string> left;
  for (const auto& [name, value] : source.weights) {
    const size_t slash = name.rfind('/');
    const std::string layer = name.substr(0, slash);
    const std::string kind = slash == std::string::npos ? "" : name.substr(slash + 1);
    const std::string module = module_of(layer);
    if (module.empty()) {
      left.push_back(name);
      continue;
    }
    at::Tensor tensor = value;
    if (kind == "kernel" && tensor.dim() == 4)
      tensor = tensor.permute({3, 2, 0, 1});  // HWIO → OIHW
    if (kind == "depthwise_kernel" && tensor.dim() == 4)
      tensor = tensor.permute({2, 3, 0, 1});  // HWC1 → C1HW
    if (module == "conv_stem.first_conv.convolution") stem = tensor.size(0);
    tensors.add("mobilenet_v2." + module + "." + tensor_of(kind), tensor.contiguous());
  }
  if (stem == 0)
    fail_unreadable(
        "the TensorFlow.js model holds no MobileNetV2 backbone in Keras' names (no Conv1/kernel)");
  // The stem has 32 x multiplier channels, rounded to eights; published multipliers tell them
  // apart.
  Json config = {{"model_type", "mobilenet_v2"},
                 {"num_channels", 3},
                 {"image_size", 224},
                 {"depth_multiplier", 1.0},
                 {"depth_divisible_by", 8},
                 {"min_depth", 8},
                 {"expand_ratio", 6.0},
                 {"output_stride", 32},
                 {"first_layer_is_expansion", true},
                 {"finegrained_output", true},
                 {"hidden_act", "relu6"},
                 {"tf_padding", true},
                 {"classifier_dropout_prob", 0.2},
                 {"layer_norm_eps", 0.001},
                 {"batch_norm_momentum", 0.001}};
  const Family& family = find_family("mobilenet_v2");
  for (const double multiplier : {0.35, 0.5, 0.75, 1.0, 1.3, 1.4}) {
    config["depth_multiplier"] = multiplier;
    Model model("mobilenet_v2", config);
    model.set_classes({"LABEL_0", "LABEL_1"});
    family.build(model, 2);
    bool fits = true;
    io::TensorMap ordered;
    for (const auto& p : model.registry().parameters) {
      if (model.block_span(p.block) == Span::head) continue;
      if (p.name.ends_with("num_batches_tracked")) {
        ordered.add(p.name, *p.value);
        continue;
      }
      const at::Tensor* found = tensors.find(p.name);
      fits = fits && found && found->sizes() == p.value->sizes();
      if (fits) ordered.add(p.name, *found);
    }
    if (!fits) continue;
    fs::create_directories(folder);
    io::write_safetensors(folder / "model.safetensors", ordered, {{"format", "pt"}});
    Json written = model.config();
    written["architectures"] = Json::array({"MobileNetV2Model"});
    written["dtype"] = "float32";
    write_json(folder / "config.json", written);
    write_json(folder / "preprocessor_config.json",
               {{"image_processor_type", "MobileNetV2ImageProcessor"},
                {"do_resize", true},
                {"size", {{"shortest_edge", 224}}},
                {"resample", 2},
                {"do_center_crop", true},
                {"crop_size", {{"height", 224}, {"width", 224}}},
                {"do_rescale", true},
                {"rescale_factor", 1.0 / 255},
                {"do_normalize", true},
                {"image_mean", {0.5, 0.5, 0.5}},
                {"image_std", {0.5, 0.5, 0.5}}});
    return fmt::format("MobileNetV2 {} backbone of Keras, {} tensors; {} of another head left out",
                       multiplier, ordered.size(), left.size());
  }
  fail_unreadable(
      "the TensorFlow.js model looks like MobileNetV2, but its shapes fit no published width");
}

/// Notes and licences may lie in the folder already. A model there is lost only when that was asked
/// for, other work never.
void claim_folder(const fs::path& folder, bool overwrite) {
  if (!fs::exists(folder)) return;
  if (!fs::is_directory(folder))
    fail_usage("convert: {} is there and is not a folder; give another DIR", folder.string());
  const bool model = fs::exists(folder / "config.json");
  if (model && !overwrite) {
    fail_usage("convert: {} holds a model already; give another DIR, or overwrite=true",
               folder.string());
  }
  if (model) return;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("README") && !name.starts_with("LICENSE") && !name.starts_with("NOTICE"))
      fail_usage("convert: {} holds {}, which is not a model; give an empty folder",
                 folder.string(), name);
  }
}

}  // namespace

std::string convert_model(const fs::path& source, const fs::path& folder, bool overwrite) {
  claim_folder(folder, overwrite);
  if (fs::is_directory(source) && fs::exists(source / "model.json"))
    return convert_keras_mobilenet(io::read_tfjs(source), folder);
  if (const fs::path llama = find_llama2c(source); !llama.empty())
    return convert_llama2c(llama, folder);
  ModelSource from;
  from.path = source.string();
  from.task = named_task(from);
  const LoadedModel loaded = load_model(from);
  save_model(*loaded.model, folder);
  return fmt::format("{} with {} classes", loaded.model->family(), loaded.model->classes().size());
}

}  // namespace graft::models
