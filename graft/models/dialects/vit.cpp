#include <torch/types.h>

#include <cmath>
#include <regex>

#include "graft/base/error.h"
#include "graft/models/dialects.h"
#include "graft/models/dialects/dialect.h"

namespace graft::models {
namespace {

/// Foreign names → timm's, which the rest of this file reads.
const std::vector<Rename>& torchvision_rules() {
  static const std::vector<Rename> rules = {
      {R"(class_token)", "cls_token"},
      {R"(conv_proj\.(weight|bias))", "patch_embed.proj.$1"},
      {R"(encoder\.pos_embedding)", "pos_embed"},
      {R"(encoder\.layers\.encoder_layer_(\d+)\.ln_([12])\.(\w+))", "blocks.$1.norm$2.$3"},
      {R"(encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_(weight|bias))",
       "blocks.$1.attn.qkv.$2"},
      {R"(encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\.(weight|bias))",
       "blocks.$1.attn.proj.$2"},
      {R"(encoder\.layers\.encoder_layer_(\d+)\.mlp\.(0|linear_1)\.(weight|bias))",
       "blocks.$1.mlp.fc1.$3"},
      {R"(encoder\.layers\.encoder_layer_(\d+)\.mlp\.(3|linear_2)\.(weight|bias))",
       "blocks.$1.mlp.fc2.$3"},
      {R"(encoder\.ln\.(weight|bias))", "norm.$1"},
      {R"(heads\.head\.(weight|bias))", "head.$1"},
  };
  return rules;
}

/// What the tensors say about the network.
struct Geometry {
  int64_t width, layers, inner, channels, heads;
  int64_t patch_rows, patch_columns, image_rows, image_columns;
  int64_t registers = 0;
  int64_t classes = -1;
  bool distilled, scaled, gated, qkv_bias;
  std::string path;   ///< "vit.", "deit.", "dinov2.", "dinov2_with_registers."
  std::string layer;  ///< "layers." or "encoder.layer."
  bool dinov2() const { return scaled; }
};

/// Heads are not in the weights: 64 channels each, but in the three largest kinds, which have 16.
int64_t heads_of(int64_t width, const Json& foreign) {
  if (foreign.is_object() && foreign.contains("model_args") && foreign["model_args"].is_object() &&
      foreign["model_args"].contains("num_heads")) {
    return config_integer(foreign["model_args"], "num_heads", 0);
  }
  if (width == 1280 || width == 1408 || width == 1664) return 16;
  return width % 64 == 0 ? width / 64 : 0;  // 0: the user must say it
}

/// Sets image size from the number of positions; says whether the class token has one.
bool read_image_size(Geometry& g, int64_t positions, const Json& foreign) {
  const int64_t special = g.distilled ? 2 : 1;
  const Json none = Json::object();
  const Json& pretrained =
      foreign.is_object() && foreign.contains("pretrained_cfg") ? foreign["pretrained_cfg"] : none;
  const auto input = config_integers(pretrained, "input_size", {0, 0, 0});
  for (const int64_t taken : {special, int64_t{0}}) {
    const int64_t patches = positions - taken;
    if (input.size() == 3 && (input[1] / g.patch_rows) * (input[2] / g.patch_columns) == patches) {
      g.image_rows = input[1];
      g.image_columns = input[2];
      return taken > 0;
    }
    const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(patches))));
    if (side > 0 && side * side == patches) {
      g.image_rows = side * g.patch_rows;
      g.image_columns = side * g.patch_columns;
      return taken > 0;
    }
  }
  refuse(foreign, fmt::format("its {} positions are not those of a square of patches", positions));
}

/// timm's name → ours; "" when the name has no place. Names that hold several tensors are not here.
std::string module_name(const std::string& name, const Geometry& g) {
  static const std::regex block_name(R"(blocks\.(\d+)\.(.+)\.(weight|bias|gamma))");
  static const std::vector<Rename> rules = {
      {"cls_token", "embeddings.cls_token"},
      {"dist_token", "embeddings.distillation_token"},
      {R"(patch_embed\.proj\.(weight|bias))", "embeddings.patch_embeddings.projection.$1"},
      {R"(norm\.(weight|bias))", "layernorm.$1"},
  };
  std::smatch match;
  if (std::regex_match(name, match, block_name)) {
    static const std::vector<Rename> vit_parts = {
        {"norm1", "layernorm_before"},
        {"norm2", "layernorm_after"},
        {R"(attn\.proj)", "attention.o_proj"},
        {R"(mlp\.fc[12])", "$&"},
    };
    static const std::vector<Rename> dino_parts = {
        {"norm[12]", "$&"},
        {"ls([12])", "layer_scale$1"},
        {R"(attn\.proj)", "attention.o_proj"},
        {R"(mlp\.fc[12])", "$&"},
    };
    std::string part = renamed(match[2].str(), g.dinov2() ? dino_parts : vit_parts);
    if (part.empty()) return "";
    if (g.gated && part == "mlp.fc2") part = "mlp.down_proj";
    const std::string leaf = match[3] == "gamma" ? "lambda1" : match[3].str();
    return g.path + g.layer + match[1].str() + "." + part + "." + leaf;
  }
  const std::string part = renamed(name, rules);
  return part.empty() ? "" : g.path + part;
}

/// Rows of `tensor` in equal parts under the given names.
void split_rows(io::TensorMap& into, const std::string& path, const std::string& leaf,
                const std::vector<std::string>& names, const at::Tensor& tensor) {
  const auto parts = static_cast<int64_t>(names.size());
  if (tensor.dim() < 1 || tensor.size(0) % parts != 0) {
    fail_unreadable("the tensor at {} must hold {} equal parts", path, parts);
  }
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t rows = tensor.size(0) / parts;
    into.add(fmt::format("{}{}.{}", path, names[static_cast<size_t>(i)], leaf),
             tensor.narrow(0, i * rows, rows));
  }
}

Geometry read_geometry(const io::TensorMap& tensors, const Json& foreign) {
  Geometry g{};
  const at::Tensor& patches = expect_tensor(tensors, "patch_embed.proj.weight", 4);
  g.width = patches.size(0);
  g.channels = patches.size(1);
  g.patch_rows = patches.size(2);
  g.patch_columns = patches.size(3);
  g.layers = count_numbered(tensors, "blocks.", ".norm1.weight");
  g.heads = heads_of(g.width, foreign);
  g.qkv_bias = tensors.contains("blocks.0.attn.qkv.bias");
  g.distilled = tensors.contains("dist_token");
  g.scaled = tensors.contains("blocks.0.ls1.gamma");
  g.inner = expect_tensor(tensors, "blocks.0.mlp.fc1.weight", 2).size(0);
  g.gated = g.scaled && expect_tensor(tensors, "blocks.0.mlp.fc2.weight", 2).size(1) * 2 == g.inner;
  if (tensors.contains("reg_token")) g.registers = expect_tensor(tensors, "reg_token", 3).size(1);
  if (tensors.contains("head.weight")) g.classes = expect_tensor(tensors, "head.weight", 2).size(0);
  if ((g.registers > 0 && !g.scaled) || (g.distilled && g.scaled)) {
    refuse(foreign, "it has register or distillation tokens in a combination of its own");
  }
  g.path = g.registers > 0 ? "dinov2_with_registers."
           : g.scaled      ? "dinov2."
           : g.distilled   ? "deit."
                           : "vit.";
  g.layer = g.scaled ? "encoder.layer." : "layers.";
  return g;
}

/// DINOv2 states the MLP's width as a whole ratio.
int64_t mlp_ratio(const Geometry& g, const Json& foreign) {
  for (int64_t ratio = 1; ratio <= 64; ++ratio) {
    const int64_t plain = g.width * ratio;
    if (g.gated ? (plain * 2 / 3 + 7) / 8 * 8 * 2 == g.inner : plain == g.inner) return ratio;
  }
  refuse(foreign, fmt::format("its MLP is {} wide, which no whole ratio gives", g.inner));
}

Json config_of(const Geometry& g, const Json& foreign) {
  const std::string type = g.path.substr(0, g.path.size() - 1);
  const std::string architecture = type == "vit"      ? "ViTForImageClassification"
                                   : type == "deit"   ? "DeiTForImageClassificationWithTeacher"
                                   : type == "dinov2" ? "Dinov2ForImageClassification"
                                                      : "Dinov2WithRegistersForImageClassification";
  Json config = adopted_config(foreign, type, architecture, g.classes,
                               std::min(g.image_rows, g.image_columns));
  config["hidden_size"] = g.width;
  config["num_hidden_layers"] = g.layers;
  config["num_attention_heads"] = g.heads;
  config["num_channels"] = g.channels;
  config["hidden_act"] = "gelu";
  config["layer_norm_eps"] = 1e-6;
  config["qkv_bias"] = g.qkv_bias;
  const auto side = [](int64_t rows, int64_t columns) {
    return rows == columns ? Json(rows) : Json::array({rows, columns});
  };
  config["patch_size"] = side(g.patch_rows, g.patch_columns);
  config["image_size"] = side(g.image_rows, g.image_columns);
  if (!g.dinov2()) {
    config["intermediate_size"] = g.inner;
    return config;
  }
  config["mlp_ratio"] = mlp_ratio(g, foreign);
  config["use_swiglu_ffn"] = g.gated;
  if (g.registers > 0)
    config["num_register_tokens"] = g.registers;
  else
    config["use_mask_token"] = false;
  return config;
}

/// Adds the tensor under the name, or names, that we have for it; false when there is none.
bool add_tensor(io::TensorMap& adopted, const Geometry& g, bool class_position,
                const std::string& name, const at::Tensor& tensor) {
  static const std::regex packed(R"(blocks\.(\d+)\.(attn\.qkv|mlp\.fc1)\.(weight|bias))");
  std::smatch match;
  if (std::regex_match(name, match, packed) && (g.gated || match[2] == "attn.qkv")) {
    const std::string path = g.path + g.layer + match[1].str() + ".";
    if (match[2] == "attn.qkv") {
      split_rows(adopted, path + "attention.", match[3].str(), {"q_proj", "k_proj", "v_proj"},
                 tensor);
    } else {
      split_rows(adopted, path + "mlp.", match[3].str(), {"gate_proj", "up_proj"}, tensor);
    }
  } else if (name == "pos_embed") {
    // Where the class token was left without a position, a position of zeros is the same.
    const at::Tensor zeros = at::zeros({1, g.distilled ? 2 : 1, g.width}, tensor.options());
    adopted.add(g.path + "embeddings.position_embeddings",
                class_position ? tensor : at::cat({zeros, tensor}, 1));
  } else if (name == "head.weight" && g.dinov2()) {
    // timm's head reads the class token only; ours also the mean of the patches: weight zero.
    adopted.add("classifier.weight", at::cat({tensor, at::zeros_like(tensor)}, 1));
  } else if (name.starts_with("head.")) {
    adopted.add((g.distilled ? "cls_classifier." : "classifier.") + name.substr(5), tensor);
  } else if (name.starts_with("head_dist.") && g.distilled) {
    adopted.add("distillation_classifier." + name.substr(10), tensor);
  } else if (name == "reg_token") {
    adopted.add(g.path + "embeddings.register_tokens", tensor);
  } else {
    const std::string ours = module_name(name, g);
    if (ours.empty()) return false;
    adopted.add(ours, tensor);
  }
  return true;
}

}  // namespace

bool adopt_vit(Checkpoint& checkpoint) {
  io::TensorMap tensors = unwrapped(checkpoint.tensors);
  const Json& foreign = checkpoint.config;
  if (tensors.contains("encoder.pos_embedding") && tensors.contains("conv_proj.weight")) {
    io::TensorMap timm;
    for (const auto& [name, tensor] : tensors) {
      const std::string known = renamed(name, torchvision_rules());
      if (known.empty()) refuse(foreign, fmt::format("torchvision's plain ViT has no {}", name));
      timm.add(known, tensor);
    }
    tensors = std::move(timm);
  }
  if (!tensors.contains("blocks.0.attn.qkv.weight") ||
      !tensors.contains("patch_embed.proj.weight")) {
    return false;
  }
  for (const char* needed : {"cls_token", "pos_embed", "norm.weight"}) {
    if (!tensors.contains(needed)) refuse(foreign, fmt::format("it has no {}", needed));
  }
  refuse_arguments(foreign, {"act_layer", "norm_layer", "mlp_layer", "embed_layer", "block_fn",
                             "pre_norm", "qk_norm", "class_token", "fc_norm"});
  const bool head = tensors.contains("head.weight");
  if (head && foreign.is_object() && config_text(foreign, "global_pool", "token") != "token") {
    refuse(foreign, "its head reads the mean of the patches");
  }
  Geometry g = read_geometry(tensors, foreign);
  const at::Tensor& positions = expect_tensor(tensors, "pos_embed", 3);
  const bool class_position = read_image_size(g, positions.size(1), foreign);
  if (positions.size(2) != g.width || positions.size(0) != 1) {
    refuse(foreign, "its positions are not as wide as its tokens");
  }
  if (head && expect_tensor(tensors, "head.weight", 2).size(1) != g.width) {
    refuse(foreign, "its head is not as wide as its tokens");
  }
  io::TensorMap adopted;
  for (const auto& [name, tensor] : tensors) {
    if (!add_tensor(adopted, g, class_position, name, tensor)) {
      refuse(foreign, fmt::format("graft's ViT, DeiT and DINOv2 have no place for {}", name));
    }
  }
  Json config = config_of(g, foreign);
  checkpoint = {std::move(config), std::move(adopted)};
  return true;
}

}  // namespace graft::models
