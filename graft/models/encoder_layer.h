#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/models/model.h"
#include "graft/nn/activation.h"
#include "graft/nn/norm.h"

namespace graft::models {

/// Shape and rates of one pre-norm transformer encoder layer.
struct EncoderSettings {
  /// Reads what ViT, DeiT and DINOv2 configs have in common; sizes that do not fit are errors (exit
  /// code 3). `intermediate_size`, names, layer scale and drop path are the family's to set.
  explicit EncoderSettings(const Json& config, double default_eps);

  int64_t width, heads, head_width, layers;
  int64_t inner = 0;  ///< width inside the MLP
  nn::Activation activation;
  bool qkv_bias;
  double eps, dropout, attention_dropout;
  double drop_path = 0;
  bool gated = false;       ///< SwiGLU (Shazeer 2020) in place of the two-layer MLP
  double layer_scale = -1;  ///< initial value of LayerScale (Touvron et al. 2021); < 0 means none
  // Names below the layer's path, as transformers 5 has them in ViT:
  std::string attention = "attention";
  std::vector<std::string> qkv = {"q_proj", "k_proj", "v_proj"};
  std::string attention_out = "attention.o_proj";
  std::string inner_dense = "mlp.fc1", outer_dense = "mlp.fc2";  ///< of the two-layer MLP
  std::string first_norm = "layernorm_before", second_norm = "layernorm_after";
};

/// x + attention(norm(x)), then x + mlp(norm(x)), on tokens [B, S, width] (Dosovitskiy et al.
/// 2020). Where the settings do not name them, modules are called mlp.{gate,up,down}_proj and
/// layer_scale{1,2}.lambda1.
class EncoderLayer {
 public:
  EncoderLayer(const nn::Scope& scope, const EncoderSettings& settings);
  ~EncoderLayer();
  /// With `kept` > 0 only the first `kept` tokens leave the layer: what no one reads is not
  /// computed.
  at::Tensor operator()(const at::Tensor& x, const nn::Context& context, int64_t kept = 0) const;

 private:
  class Mlp;
  at::Tensor branch(const at::Tensor& y, const at::Tensor& scale, const nn::Context& context) const;

  EncoderSettings settings_;
  nn::LinearGroup qkv_;
  nn::Linear output_;
  nn::LayerNorm first_norm_, second_norm_;
  std::unique_ptr<Mlp> mlp_;
  at::Tensor first_scale_, second_scale_;
};

/// Truncated normal weights and tokens with the config's initializer_range; biases stay zero.
void init_encoder(Model& model, const nn::Init& random);

}  // namespace graft::models
