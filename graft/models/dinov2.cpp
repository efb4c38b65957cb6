#include "graft/models/dinov2.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/classifier.h"
#include "graft/models/vision_tower.h"

namespace graft::models {
namespace {

constexpr double kMaxRatio = 1000;

void build(Model& model, int64_t classes, const std::string& path, bool registers) {
  const Json& c = model.config();
  VisionTower tower{.path = path,
                    .layers = "encoder.layer",
                    .patches = PatchSettings(c, registers ? 16 : 14),
                    .encoder = EncoderSettings(c, 1e-6),
                    .pool = {}};
  PatchSettings& patches = tower.patches;
  patches.mask_token = registers || config_flag(c, "use_mask_token", true);
  if (registers) {
    patches.extra_name = "register_tokens";
    patches.extra = config_integer(c, "num_register_tokens", 4);
    patches.extra_has_position = false;
    patches.antialias = true;
  }
  EncoderSettings& encoder = tower.encoder;
  const double ratio = config_number(c, "mlp_ratio", 4);
  if (!(ratio > 0 && ratio < kMaxRatio) || patches.extra > 10000) {
    fail_unreadable("config.json: mlp_ratio {} or num_register_tokens {} is out of range", ratio,
                    patches.extra);
  }
  encoder.first_norm = "norm1";
  encoder.second_norm = "norm2";
  encoder.inner = static_cast<int64_t>(static_cast<double>(encoder.width) * ratio);
  encoder.layer_scale = config_number(c, "layerscale_value", 1.0);
  encoder.drop_path = config_number(c, "drop_path_rate", 0);
  encoder.gated = config_flag(c, "use_swiglu_ffn", false);
  if (encoder.gated) encoder.inner = (encoder.inner * 2 / 3 + 7) / 8 * 8;
  tower.pool = [first = 1 + patches.extra](const at::Tensor& tokens) {
    const at::Tensor mean = tokens.slice(1, first).mean(1);
    return nn::Flow("features", at::cat({tokens.select(1, 0), mean}, 1));
  };
  add_vision_tower(model, tower);
  add_classifier(model, "classifier", 2 * encoder.width, classes);
}

/// "weight" or "bias" when `name` ends with `part` and that, else "".
std::string leaf_of(const std::string& name, const std::string& part) {
  for (const char* leaf : {"weight", "bias"}) {
    if (name.ends_with(part + leaf)) return leaf;
  }
  return "";
}

/// Files hold SwiGLU's two products as one: rows of the gate, then rows of the value.
void unpack(io::TensorMap& tensors) {
  const std::string packed = "mlp.weights_in.";
  io::TensorMap result;
  for (const auto& [name, tensor] : tensors) {
    const std::string leaf = leaf_of(name, packed);
    if (leaf.empty()) {
      result.add(name, tensor);
      continue;
    }
    if (tensor.dim() < 1 || tensor.size(0) == 0 || tensor.size(0) % 2 != 0) {
      fail_unreadable("{} must hold as many rows for the gate as for the value", name);
    }
    const std::string path = name.substr(0, name.size() - packed.size() - leaf.size()) + "mlp.";
    const auto halves = tensor.chunk(2, 0);
    result.add(fmt::format("{}gate_proj.{}", path, leaf), halves[0]);
    result.add(fmt::format("{}up_proj.{}", path, leaf), halves[1]);
  }
  tensors = std::move(result);
}

void pack(io::TensorMap& tensors) {
  const std::string gate_path = "mlp.gate_proj.";
  io::TensorMap result;
  for (const auto& [name, tensor] : tensors) {
    if (const std::string leaf = leaf_of(name, gate_path); !leaf.empty()) {
      const std::string path =
          name.substr(0, name.size() - gate_path.size() - leaf.size()) + "mlp.";
      result.add(fmt::format("{}weights_in.{}", path, leaf),
                 at::cat({tensor, tensors.at(fmt::format("{}up_proj.{}", path, leaf))}, 0));
    } else if (leaf_of(name, "mlp.up_proj.").empty()) {
      result.add(name, tensor);
    }
  }
  tensors = std::move(result);
}

}  // namespace

Family dinov2_family(const std::string& model_type, bool registers) {
  Family f;
  f.name = model_type;
  f.model_types = {model_type};
  f.base_prefix = model_type + ".";
  f.build = [=](Model& model, int64_t classes) { build(model, classes, model_type, registers); };
  f.init = init_encoder;
  f.read = {
      {R"(attention\.attention\.query)", "attention.q_proj"},
      {R"(attention\.attention\.key)", "attention.k_proj"},
      {R"(attention\.attention\.value)", "attention.v_proj"},
      {R"(attention\.output\.dense)", "attention.o_proj"},
      {R"(mlp\.weights_out)", "mlp.down_proj"},
  };
  f.write = {
      {R"(attention\.q_proj)", "attention.attention.query"},
      {R"(attention\.k_proj)", "attention.attention.key"},
      {R"(attention\.v_proj)", "attention.attention.value"},
      {R"(attention\.o_proj)", "attention.output.dense"},
      {R"(mlp\.down_proj)", "mlp.weights_out"},
  };
  f.unpack = unpack;
  f.pack = pack;
  return f;
}

}  // namespace graft::models
