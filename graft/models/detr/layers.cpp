#include "graft/models/detr/layers.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/attention.h"
#include "graft/nn/dropout.h"

namespace graft::models {
namespace {

constexpr double kEps = 1e-5;
constexpr int64_t kMostLayers = 1000, kMostWidth = 65536, kMostQueries = 100'000;

void check(const char* key, int64_t value, int64_t most) {
  if (value < 1 || value > most)
    fail_unreadable("config.json: {} must be from 1 to {}, got {}", key, most, value);
}

double rate(const Json& config, const char* key, double fallback) {
  const double value = config_number(config, key, fallback);
  if (!(value >= 0 && value < 1))
    fail_unreadable("config.json: {} must be from 0 and below 1, got {}", key, value);
  return value;
}

}  // namespace

DetrSettings::DetrSettings(const Json& c, const DetrDefaults& defaults)
    : width(config_integer(c, "d_model", 256)),
      queries(config_integer(c, "num_queries", defaults.queries)),
      encoder_layers(config_integer(c, "encoder_layers", 6)),
      encoder_heads(config_integer(c, "encoder_attention_heads", 8)),
      encoder_inner(config_integer(c, "encoder_ffn_dim", defaults.inner)),
      decoder_layers(config_integer(c, "decoder_layers", 6)),
      decoder_heads(config_integer(c, "decoder_attention_heads", 8)),
      decoder_inner(config_integer(c, "decoder_ffn_dim", defaults.inner)),
      activation(nn::parse_activation(config_text(c, "activation_function", "relu"),
                                      "config.json: activation_function")),
      dropout(rate(c, "dropout", 0.1)),
      attention_dropout(rate(c, "attention_dropout", 0)),
      inner_dropout(rate(c, "activation_dropout", 0)),
      auxiliary(config_flag(c, "auxiliary_loss", false)) {
  check("d_model", width, kMostWidth);
  check("num_queries", queries, kMostQueries);
  check("encoder_layers", encoder_layers, kMostLayers);
  check("decoder_layers", decoder_layers, kMostLayers);
  check("encoder_ffn_dim", encoder_inner, kMostWidth);
  check("decoder_ffn_dim", decoder_inner, kMostWidth);
  check("encoder_attention_heads", encoder_heads, width);
  check("decoder_attention_heads", decoder_heads, width);
  if (width % encoder_heads != 0 || width % decoder_heads != 0 || width % 4 != 0)
    fail_unreadable(
        "config.json: d_model {} must be a multiple of 4, encoder_attention_heads {} and "
        "decoder_attention_heads {}",
        width, encoder_heads, decoder_heads);
}

at::Tensor places_of(const at::Tensor& map) {
  return map.flatten(2).transpose(1, 2);
}

DetrFeedForward::DetrFeedForward(const nn::Scope& layer, const DetrSettings& s, int64_t inner)
    : activation_(s.activation),
      dropout_(s.dropout),
      inner_dropout_(s.inner_dropout),
      first_(layer / "mlp" / "fc1", s.width, inner),
      second_(layer / "mlp" / "fc2", inner, s.width),
      norm_(layer / "final_layer_norm", s.width, kEps) {}

at::Tensor DetrFeedForward::operator()(const at::Tensor& x, const nn::Context& context) const {
  const at::Tensor inside =
      nn::dropout(nn::activate(activation_, first_(x)), inner_dropout_, context);
  return norm_(x + nn::dropout(second_(inside), dropout_, context));
}

DetrEncoderLayer::DetrEncoderLayer(const nn::Scope& scope, const DetrSettings& s)
    : dropout_(s.dropout),
      attention_(scope / "self_attn", s.width, s.encoder_heads, s.attention_dropout),
      norm_(scope / "self_attn_layer_norm", s.width, kEps),
      feed_forward_(scope, s, s.encoder_inner) {}

at::Tensor DetrEncoderLayer::operator()(const at::Tensor& x, const at::Tensor& positions,
                                        const nn::Context& context) const {
  const at::Tensor seen = attention_(x, positions, {}, context);
  return feed_forward_(norm_(x + nn::dropout(seen, dropout_, context)), context);
}

DetrDecoderLayer::DetrDecoderLayer(const nn::Scope& scope, const DetrSettings& s)
    : heads_(s.decoder_heads),
      dropout_(s.dropout),
      attention_dropout_(s.attention_dropout),
      attention_(scope / "self_attn", s.width, s.decoder_heads, s.attention_dropout),
      norm_(scope / "self_attn_layer_norm", s.width, kEps),
      cross_queries_(scope / "encoder_attn" / "q_proj", s.width, s.width),
      cross_keys_(scope / "encoder_attn" / "k_proj", s.width, s.width),
      cross_values_(scope / "encoder_attn" / "v_proj", s.width, s.width),
      cross_result_(scope / "encoder_attn" / "o_proj", s.width, s.width),
      cross_norm_(scope / "encoder_attn_layer_norm", s.width, kEps),
      feed_forward_(scope, s, s.decoder_inner) {}

at::Tensor DetrDecoderLayer::operator()(const at::Tensor& x, const at::Tensor& queries,
                                        const DetrMemory& memory,
                                        const nn::Context& context) const {
  const at::Tensor y =
      norm_(x + nn::dropout(attention_(x, queries, {}, context), dropout_, context));
  const at::Tensor seen = cross_result_(
      nn::attention(cross_queries_(y + queries), cross_keys_(memory.values + memory.positions),
                    cross_values_(memory.values), heads_, attention_dropout_, context));
  return feed_forward_(cross_norm_(y + nn::dropout(seen, dropout_, context)), context);
}

}  // namespace graft::models
