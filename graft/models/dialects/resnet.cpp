#include <torch/types.h>

#include <regex>

#include "graft/base/error.h"
#include "graft/models/dialects.h"
#include "graft/models/dialects/dialect.h"

namespace graft::models {
namespace {

/// "layer2.0.bn1.weight" → "resnet.encoder.stages.1.layers.0.layer.0.normalization.weight"; "" when
/// the name has no place.
std::string module_name(const std::string& name) {
  static const std::regex part_name(R"(layer([1-9])\.(\d+)\.(conv|bn)([1-3])\.(\w+))");
  static const std::vector<Rename> rules = {
      {R"(conv1\.weight)", "resnet.embedder.embedder.convolution.weight"},
      {R"(bn1\.(\w+))", "resnet.embedder.embedder.normalization.$1"},
      {R"(fc\.(weight|bias))", "classifier.1.$1"},
  };
  static const std::regex shortcut_name(R"(layer([1-9])\.(\d+)\.downsample\.([01])\.(\w+))");
  std::smatch match;
  const auto less_one = [&](size_t group) { return std::stoi(match[group].str()) - 1; };
  if (std::regex_match(name, match, part_name)) {
    return fmt::format("resnet.encoder.stages.{}.layers.{}.layer.{}.{}.{}", less_one(1),
                       match[2].str(), less_one(4),
                       match[3] == "conv" ? "convolution" : "normalization", match[5].str());
  }
  if (std::regex_match(name, match, shortcut_name)) {
    return fmt::format("resnet.encoder.stages.{}.layers.{}.shortcut.{}.{}", less_one(1),
                       match[2].str(), match[3] == "0" ? "convolution" : "normalization",
                       match[4].str());
  }
  return renamed(name, rules);
}

}  // namespace

Json resnet_config(const io::TensorMap& tensors, const std::string& prefix, const Json& foreign) {
  const at::Tensor& stem = expect_tensor(tensors, prefix + "conv1.weight", 4);
  if (stem.size(2) != 7 || stem.size(3) != 7) {
    refuse(foreign,
           fmt::format("its stem is a {} x {} convolution, not 7 x 7", stem.size(2), stem.size(3)));
  }
  const bool bottleneck = tensors.contains(prefix + "layer1.0.conv3.weight");
  const std::string last = bottleneck ? "conv3" : "conv2";
  Json widths = Json::array();
  Json depths = Json::array();
  for (int stage = 1; stage <= 9; ++stage) {
    const std::string path = fmt::format("{}layer{}.", prefix, stage);
    const int64_t depth = count_numbered(tensors, path, ".conv1.weight");
    if (depth == 0) break;
    const at::Tensor& out = expect_tensor(tensors, fmt::format("{}0.{}.weight", path, last), 4);
    const at::Tensor& middle = expect_tensor(tensors, path + "0.conv2.weight", 4);
    if (bottleneck && middle.size(0) * 4 != out.size(0)) {
      refuse(foreign, "its bottlenecks are wider than a quarter (Wide ResNet or ResNeXt)");
    }
    if (middle.size(1) != expect_tensor(tensors, path + "0.conv1.weight", 4).size(0)) {
      refuse(foreign, "its convolutions are grouped (ResNeXt)");
    }
    widths.push_back(out.size(0));
    depths.push_back(depth);
  }
  return {{"num_channels", stem.size(1)},
          {"embedding_size", stem.size(0)},
          {"hidden_sizes", widths},
          {"depths", depths},
          {"layer_type", bottleneck ? "bottleneck" : "basic"},
          {"hidden_act", "relu"}};
}

bool adopt_resnet(Checkpoint& checkpoint) {
  const io::TensorMap tensors = unwrapped(checkpoint.tensors);
  const Json& foreign = checkpoint.config;
  if (!tensors.contains("layer1.0.conv1.weight") || tensors.contains("linear.weight")) return false;
  if (!tensors.contains("conv1.weight")) {
    if (tensors.contains("conv1.0.weight")) {
      refuse(foreign, "its stem has three convolutions (ResNet-C or -D)");
    }
    return false;
  }
  const Json shape = resnet_config(tensors, "", foreign);
  refuse_arguments(foreign, {"act_layer", "norm_layer", "aa_layer", "output_stride", "avg_down",
                             "stem_type", "replace_stem_pool", "block_args"});
  if (foreign.is_object()) {
    static const std::regex other("resnet(aa|blur|v2|rs).*");
    if (std::regex_match(config_text(foreign, "architecture", ""), other)) {
      refuse(foreign, "it pools or scales where the plain ResNet does not");
    }
  }

  io::TensorMap adopted;
  for (const auto& [name, tensor] : tensors) {
    const std::string ours = module_name(name);
    if (ours.empty()) refuse(foreign, fmt::format("the plain ResNet has no place for {}", name));
    if (name.ends_with("downsample.1.weight") && tensor.dim() != 1) {
      refuse(foreign, "its shortcuts average before they project (ResNet-D)");
    }
    adopted.add(ours, tensor);
  }
  const int64_t classes =
      tensors.contains("fc.weight") ? expect_tensor(tensors, "fc.weight", 2).size(0) : -1;
  Json config = adopted_config(foreign, "resnet", "ResNetForImageClassification", classes, 224);
  config.update(shape);
  checkpoint = {config, adopted};
  return true;
}

}  // namespace graft::models
