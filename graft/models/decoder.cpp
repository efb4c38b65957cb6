#include "graft/models/decoder.h"

#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/models/decoder_head.h"
#include "graft/models/family.h"
#include "graft/nn/dropout.h"
#include "graft/nn/token_passes.h"

namespace graft::models {
namespace {

/// "layer_types", or what older configs say in its place.
std::vector<bool> sliding_layers(const Json& c, int64_t layers) {
  std::vector<bool> sliding(static_cast<size_t>(layers), false);
  const Json types = c.value("layer_types", Json());
  for (size_t i = 0; i < sliding.size() && types.is_array() && i < types.size(); ++i)
    sliding[i] = types[i] == "sliding_attention";
  return sliding;
}

}  // namespace

DecoderSettings::DecoderSettings(const Json& c)
    : width(config_integer(c, "hidden_size", 4096)),
      heads(config_integer(c, "num_attention_heads", 32)),
      kv_heads(config_integer(c, "num_key_value_heads", heads)),
      head_width(0),
      inner(config_integer(c, "intermediate_size", 11008)),
      layers(config_integer(c, "num_hidden_layers", 32)),
      vocabulary(config_integer(c, "vocab_size", 32000)),
      activation(nn::parse_activation(
          config_text(c, "hidden_activation", config_text(c, "hidden_act", "silu")),
          "config.json: hidden_act")),
      eps(config_number(c, "rms_norm_eps", 1e-6)),
      attention_dropout(config_number(c, "attention_dropout", 0)),
      qkv_bias(config_flag(c, "attention_bias", false)),
      output_bias(qkv_bias),
      mlp_bias(config_flag(c, "mlp_bias", false)),
      tied(config_flag(c, "tie_word_embeddings", false)),
      window(config_integer(c, "sliding_window", 0)) {
  const bool small = width >= 1 && width <= 65536 && layers >= 1 && layers <= 1000 && inner >= 1 &&
                     inner <= 1048576 && heads >= 1 && heads <= width && kv_heads >= 1;
  if (!small || heads % kv_heads != 0) {
    fail_unreadable(
        "config.json: {} layers of width {} with {} heads, {} of keys, and {} inside cannot be: "
        "numbers must be positive, and the heads of keys divide the others",
        layers, width, heads, kv_heads, inner);
  }
  head_width = config_integer(c, "head_dim", width / heads);
  if (head_width < 1 || head_width > 1024)
    fail_unreadable("config.json: head_dim {} must be from 1 to 1,024", head_width);
  sliding = sliding_layers(c, layers);
}

class DecoderLayer::Mlp {
 public:
  Mlp(const nn::Scope& scope, const DecoderSettings& s)
      : activation_(s.activation), down_(scope / "down_proj", s.inner, s.width, s.mlp_bias) {
    if (s.packed)
      packed_ = std::make_unique<nn::Linear>(scope / "gate_up_proj", s.width, 2 * s.inner, false);
    else
      both_ = std::make_unique<nn::LinearGroup>(
          scope, std::vector<std::string>{"gate_proj", "up_proj"}, s.width, s.inner, s.mlp_bias);
  }
  at::Tensor operator()(const at::Tensor& x) const {
    const auto parts = packed_ ? (*packed_)(x).chunk(2, -1) : (*both_)(x);
    return down_(nn::gated(activation_, parts[0], parts[1]));
  }

 private:
  nn::Activation activation_;
  std::unique_ptr<nn::LinearGroup> both_;
  std::unique_ptr<nn::Linear> packed_;
  nn::Linear down_;
};

DecoderLayer::DecoderLayer(const nn::Scope& scope, const DecoderSettings& s, int64_t index,
                           std::shared_ptr<const Rope> rope)
    : settings_(s),
      rope_(std::move(rope)),
      output_(scope / "self_attn" / "o_proj", s.heads * s.head_width, s.width, s.output_bias),
      first_norm_(scope / "input_layernorm", s.width, s.eps, s.gemma_norms),
      // Where four norms stand in a layer, the one before the MLP has another name.
      second_norm_(
          scope / (s.outer_norms ? "pre_feedforward_layernorm" : "post_attention_layernorm"),
          s.width, s.eps, s.gemma_norms),
      mlp_(std::make_unique<Mlp>(scope / "mlp", s)) {
  const nn::Scope attention = scope / "self_attn";
  const int64_t q = s.heads * s.head_width;
  const int64_t kv = s.kv_heads * s.head_width;
  if (s.packed)
    packed_qkv_ = std::make_unique<nn::Linear>(attention / "qkv_proj", s.width, q + 2 * kv, false);
  else
    qkv_ = std::make_unique<nn::LinearGroup>(attention,
                                             std::vector<std::string>{"q_proj", "k_proj", "v_proj"},
                                             s.width, std::vector<int64_t>{q, kv, kv}, s.qkv_bias);
  if (s.head_norms) {
    query_norm_ =
        std::make_unique<nn::RmsNorm>(attention / "q_norm", s.head_width, s.eps, s.gemma_norms);
    key_norm_ =
        std::make_unique<nn::RmsNorm>(attention / "k_norm", s.head_width, s.eps, s.gemma_norms);
  }
  if (s.outer_norms) {
    after_attention_ = std::make_unique<nn::RmsNorm>(scope / "post_attention_layernorm", s.width,
                                                     s.eps, s.gemma_norms);
    after_mlp_ = std::make_unique<nn::RmsNorm>(scope / "post_feedforward_layernorm", s.width, s.eps,
                                               s.gemma_norms);
  }
  rule_.heads = s.heads;
  rule_.kv_heads = s.kv_heads;
  rule_.right = 0;
  if (s.window > 0 && s.sliding[static_cast<size_t>(index)]) rule_.left = s.window - 1;
  rule_.scale = s.attention_scale;
  rule_.soft_cap = s.soft_cap;
  rule_.dropout = s.attention_dropout;
}

DecoderLayer::~DecoderLayer() = default;

std::vector<at::Tensor> DecoderLayer::project(const at::Tensor& x) const {
  if (qkv_) return (*qkv_)(x);
  const int64_t kv = settings_.kv_heads * settings_.head_width;
  return (*packed_qkv_)(x).split_with_sizes({settings_.heads * settings_.head_width, kv, kv}, -1);
}

at::Tensor DecoderLayer::normed_heads(const nn::RmsNorm& norm, const at::Tensor& x) const {
  return norm(x.reshape({x.size(0), -1, settings_.head_width})).view(x.sizes());
}

at::Tensor DecoderLayer::operator()(const at::Tensor& x, const TokenRows& rows,
                                    const nn::Context& context) const {
  auto qkv = project(first_norm_(x));
  if (query_norm_) {
    qkv[0] = normed_heads(*query_norm_, qkv[0]);
    qkv[1] = normed_heads(*key_norm_, qkv[1]);
  }
  const Rope::Turn turn = rope_->turn(rows.lengths, x, rows.past);
  const at::Tensor q = rope_->rotate(rows.pick(qkv[0]), {rows.pick(turn.cos), rows.pick(turn.sin)});
  const at::Tensor k = rope_->rotate(qkv[1], turn);
  at::Tensor mixed = output_(rows.attend(q, k, qkv[2], rule_, context));
  if (after_attention_) mixed = (*after_attention_)(mixed);
  const at::Tensor y = rows.pick(x) + nn::dropout(mixed, settings_.residual_dropout, context);
  at::Tensor inner = (*mlp_)(second_norm_(y));
  if (after_mlp_) inner = (*after_mlp_)(inner);
  return y + nn::dropout(inner, settings_.residual_dropout, context);
}

namespace {

class DecoderStem final : public Block {
 public:
  DecoderStem(const nn::Scope& scope, const DecoderSettings& s)
      : words(scope, s.vocabulary, s.width),
        scale_(s.embedding_scale),
        dropout_(s.embedding_dropout) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    at::Tensor x = words(flow.at("ids"));
    if (scale_ != 1) x = x * scale_;
    nn::Flow result("x", nn::dropout(x, dropout_, context));
    result["lengths"] = flow.at("lengths");
    return result;
  }
  nn::Embedding words;

 private:
  double scale_, dropout_;
};

}  // namespace

void build_decoder(Model& model, int64_t classes, const DecoderSettings& s) {
  const Json& c = model.config();
  const auto norm = [&s](const nn::Scope& scope) -> FinishRows {
    const auto rms = std::make_shared<nn::RmsNorm>(scope, s.width, s.eps, s.gemma_norms);
    return [rms](const at::Tensor& x) { return (*rms)(x); };
  };
  const DecoderHead head{"model.norm", norm, s.width, s.vocabulary, s.logit_cap};
  auto& stem = model.add<DecoderStem>("stem", Span::backbone, "model.embed_tokens", s);
  const auto everywhere =
      std::make_shared<const Rope>(c, s.head_width, s.ropes_by_kind ? "full_attention" : "");
  const auto nearby = s.ropes_by_kind
                          ? std::make_shared<const Rope>(c, s.head_width, "sliding_attention")
                          : everywhere;
  for (int64_t i = 0; i < s.layers; ++i) {
    std::optional<TowerEnd> end;
    if (i + 1 == s.layers) end = decoder_end(model, head);
    model.add<TokenBlock<DecoderLayer>>(fmt::format("block {}", i), Span::backbone,
                                        fmt::format("model.layers.{}", i), end, s, i,
                                        s.sliding[static_cast<size_t>(i)] ? nearby : everywhere);
  }
  model.set_shares_prefixes(model.task() == Task::next_token && !everywhere->depends_on_length() &&
                            !nearby->depends_on_length());
  add_decoder_head(model, classes, head, s.tied ? &stem.words : nullptr);
}

}  // namespace graft::models
