#include "graft/models/encoder_layer.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/attention.h"
#include "graft/nn/dropout.h"

namespace graft::models {

EncoderSettings::EncoderSettings(const Json& c, double default_eps)
    : width(config_integer(c, "hidden_size", 768)),
      heads(config_integer(c, "num_attention_heads", 12)),
      head_width(0),
      layers(config_integer(c, "num_hidden_layers", 12)),
      activation(
          nn::parse_activation(config_text(c, "hidden_act", "gelu"), "config.json: hidden_act")),
      qkv_bias(config_flag(c, "qkv_bias", true)),
      eps(config_number(c, "layer_norm_eps", default_eps)),
      dropout(config_number(c, "hidden_dropout_prob", 0)),
      attention_dropout(config_number(c, "attention_probs_dropout_prob", 0)) {
  if (width < 1 || width > 65536 || layers < 1 || layers > 1000) {
    fail_unreadable(
        "config.json: hidden_size {} and num_hidden_layers {} must be positive and at most 65,536 "
        "and 1,000",
        width, layers);
  }
  const bool given = c.contains("head_dim") && !c["head_dim"].is_null();
  if (heads < 1 || heads > width || (!given && width % heads != 0)) {
    fail_unreadable(
        "config.json: num_attention_heads is {}, which does not divide hidden_size {}; give the "
        "right number with model: {{path: …, config: {{num_attention_heads: N}}}}",
        heads, width);
  }
  head_width = config_integer(c, "head_dim", width / heads);
  if (head_width < 1 || head_width > width) {
    fail_unreadable("config.json: head_dim {} must be from 1 to hidden_size {}", head_width, width);
  }
}

class EncoderLayer::Mlp {
 public:
  Mlp(const nn::Scope& layer, const EncoderSettings& s) : activation_(s.activation) {
    if (s.gated) {
      group_ = std::make_unique<nn::LinearGroup>(
          layer / "mlp", std::vector<std::string>{"gate_proj", "up_proj"}, s.width, s.inner, true);
    } else {
      first_ = std::make_unique<nn::Linear>(layer / s.inner_dense, s.width, s.inner);
    }
    last_ = std::make_unique<nn::Linear>(layer / (s.gated ? "mlp.down_proj" : s.outer_dense),
                                         s.inner, s.width);
  }
  at::Tensor operator()(const at::Tensor& x) const {
    if (!group_) return (*last_)(nn::activate(activation_, (*first_)(x)));
    const auto both = (*group_)(x);
    return (*last_)(at::silu(both[0]) * both[1]);
  }

 private:
  nn::Activation activation_;
  std::unique_ptr<nn::LinearGroup> group_;
  std::unique_ptr<nn::Linear> first_, last_;
};

EncoderLayer::EncoderLayer(const nn::Scope& scope, const EncoderSettings& s)
    : settings_(s),
      qkv_(scope / s.attention, s.qkv, s.width, s.heads * s.head_width, s.qkv_bias),
      output_(scope / s.attention_out, s.heads * s.head_width, s.width),
      first_norm_(scope / s.first_norm, s.width, s.eps),
      second_norm_(scope / s.second_norm, s.width, s.eps),
      mlp_(std::make_unique<Mlp>(scope, s)) {
  if (s.layer_scale < 0) return;
  first_scale_ = at::full({s.width}, s.layer_scale);
  second_scale_ = at::full({s.width}, s.layer_scale);
  (scope / "layer_scale1").add("lambda1", first_scale_, nn::Role::scale);
  (scope / "layer_scale2").add("lambda1", second_scale_, nn::Role::scale);
}

EncoderLayer::~EncoderLayer() = default;

at::Tensor EncoderLayer::branch(const at::Tensor& y, const at::Tensor& scale,
                                const nn::Context& context) const {
  if (scale.defined())
    return nn::drop_path(y * nn::cast_like(scale, y), settings_.drop_path, context);
  return nn::dropout(y, settings_.dropout, context);
}

at::Tensor EncoderLayer::operator()(const at::Tensor& x, const nn::Context& context,
                                    int64_t kept) const {
  const auto first = [kept](const at::Tensor& t) { return kept > 0 ? t.narrow(1, 0, kept) : t; };
  const auto qkv = qkv_(first_norm_(x));
  const at::Tensor mixed = nn::attention(first(qkv[0]), qkv[1], qkv[2], settings_.heads,
                                         settings_.attention_dropout, context);
  const at::Tensor y = first(x) + branch(output_(mixed), first_scale_, context);
  return y + branch((*mlp_)(second_norm_(y)), second_scale_, context);
}

void init_encoder(Model& model, const nn::Init& random) {
  const double range = config_number(model.config(), "initializer_range", 0.02);
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::weight || p.role == nn::Role::embedding) {
      random.truncated_normal(p.name, *p.value, range);
    }
  }
}

}  // namespace graft::models
