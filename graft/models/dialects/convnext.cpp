#include <torch/types.h>

#include <regex>

#include "graft/base/error.h"
#include "graft/models/dialects.h"
#include "graft/models/dialects/dialect.h"

namespace graft::models {
namespace {

const std::vector<Rename>& rules() {
  static const std::vector<Rename> all = {
      {R"(stem\.0\.(weight|bias))", "convnext.embeddings.patch_embeddings.$1"},
      {R"(stem\.1\.(weight|bias))", "convnext.embeddings.layernorm.$1"},
      {R"(stages\.(\d+)\.downsample\.([01])\.(weight|bias))",
       "convnext.encoder.stages.$1.downsampling_layer.$2.$3"},
      {R"(stages\.(\d+)\.blocks\.(\d+)\.gamma)",
       "convnext.encoder.stages.$1.layers.$2.layer_scale_parameter"},
      {R"(stages\.(\d+)\.blocks\.(\d+)\.conv_dw\.(weight|bias))",
       "convnext.encoder.stages.$1.layers.$2.dwconv.$3"},
      {R"(stages\.(\d+)\.blocks\.(\d+)\.norm\.(weight|bias))",
       "convnext.encoder.stages.$1.layers.$2.layernorm.$3"},
      {R"(stages\.(\d+)\.blocks\.(\d+)\.mlp\.fc([12])\.(weight|bias))",
       "convnext.encoder.stages.$1.layers.$2.pwconv$3.$4"},
      {R"(head\.norm\.(weight|bias))", "convnext.layernorm.$1"},
      {R"(head\.fc\.(weight|bias))", "classifier.$1"},
  };
  return all;
}

}  // namespace

bool adopt_convnext(Checkpoint& checkpoint) {
  const io::TensorMap tensors = unwrapped(checkpoint.tensors);
  const Json& foreign = checkpoint.config;
  if (!tensors.contains("stages.0.blocks.0.conv_dw.weight")) return false;
  if (!tensors.contains("stem.0.weight") || !tensors.contains("head.norm.weight")) {
    refuse(foreign, "its stem or head is not ConvNeXt's");
  }
  refuse_arguments(foreign, {"act_layer", "norm_layer", "norm_eps", "kernel_sizes", "stem_type",
                             "output_stride", "use_grn", "head_norm_first"});
  static const std::regex other("convnext_xxlarge.*|test_convnext.*");
  if (foreign.is_object() && std::regex_match(config_text(foreign, "architecture", ""), other)) {
    refuse(foreign, "its norms have another epsilon");
  }
  const at::Tensor& stem = expect_tensor(tensors, "stem.0.weight", 4);
  if (stem.size(2) != stem.size(3)) refuse(foreign, "its patches are not square");
  Json widths = Json::array();
  Json depths = Json::array();
  for (int stage = 0; stage < 100; ++stage) {
    const std::string path = fmt::format("stages.{}.blocks.", stage);
    const int64_t depth = count_numbered(tensors, path, ".conv_dw.weight");
    if (depth == 0) break;
    widths.push_back(expect_tensor(tensors, path + "0.conv_dw.weight", 4).size(0));
    depths.push_back(depth);
  }
  io::TensorMap adopted;
  for (const auto& [name, tensor] : tensors) {
    const std::string ours = renamed(name, rules());
    if (ours.empty())
      refuse(foreign, fmt::format("ConvNeXt (version 1) has no place for {}", name));
    // With conv_mlp the MLP's products are stored as 1 x 1 convolutions.
    const bool convolution = ours.find(".pwconv") != std::string::npos && tensor.dim() == 4;
    adopted.add(ours, convolution ? tensor.flatten(1) : tensor);
  }
  const int64_t classes =
      tensors.contains("head.fc.weight") ? expect_tensor(tensors, "head.fc.weight", 2).size(0) : -1;
  Json config = adopted_config(foreign, "convnext", "ConvNextForImageClassification", classes, 224);
  config["num_channels"] = stem.size(1);
  config["patch_size"] = stem.size(2);
  config["num_stages"] = depths.size();
  config["hidden_sizes"] = widths;
  config["depths"] = depths;
  config["hidden_act"] = "gelu";
  config["layer_norm_eps"] = 1e-6;
  config["layer_scale_init_value"] = tensors.contains("stages.0.blocks.0.gamma") ? 1e-6 : 0.0;
  checkpoint = {config, adopted};
  return true;
}

}  // namespace graft::models
