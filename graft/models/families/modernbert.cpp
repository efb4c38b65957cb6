#include <torch/types.h>

#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/models/masked_token.h"
#include "graft/models/rope.h"
#include "graft/models/row_transform.h"
#include "graft/models/task_head.h"
#include "graft/nn/dropout.h"
#include "graft/nn/embedding.h"
#include "graft/nn/norm.h"
#include "graft/nn/sequence_attention.h"

namespace graft::models {
namespace {

struct Settings {
  explicit Settings(const Json& c)
      : width(config_integer(c, "hidden_size", 768)),
        heads(config_integer(c, "num_attention_heads", 12)),
        layers(config_integer(c, "num_hidden_layers", 22)),
        inner(config_integer(c, "intermediate_size", 1152)),
        vocabulary(config_integer(c, "vocab_size", 50368)),
        reach(config_integer(c, "local_attention", 128) / 2),
        eps(config_number(c, "norm_eps", 1e-5)),
        attention_dropout(config_number(c, "attention_dropout", 0)),
        mlp_dropout(config_number(c, "mlp_dropout", 0)),
        embedding_dropout(config_number(c, "embedding_dropout", 0)),
        norm_bias(config_flag(c, "norm_bias", false)),
        attention_bias(config_flag(c, "attention_bias", false)),
        mlp_bias(config_flag(c, "mlp_bias", false)),
        activation(nn::parse_activation(config_text(c, "hidden_activation", "gelu"),
                                        "config.json: hidden_activation")) {
    check_sizes(layers, width, heads, inner);
    const Json types = c.value("layer_types", Json());
    const int64_t every = std::max<int64_t>(1, config_integer(c, "global_attn_every_n_layers", 3));
    for (int64_t i = 0; i < layers; ++i) {
      const auto at = static_cast<size_t>(i);
      local.push_back(types.is_array() && at < types.size() ? types[at] == "sliding_attention"
                                                            : i % every != 0);
    }
  }
  int64_t width, heads, layers, inner, vocabulary;
  int64_t reach;  // of local layers, to both sides
  double eps, attention_dropout, mlp_dropout, embedding_dropout;
  bool norm_bias, attention_bias, mlp_bias;
  nn::Activation activation;
  std::vector<bool> local;
};

class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, const Settings& s)
      : words(scope / "tok_embeddings", s.vocabulary, s.width),
        norm_(scope / "norm", s.width, s.eps, s.norm_bias),
        dropout_(s.embedding_dropout) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    nn::Flow result("x", nn::dropout(norm_(words(flow.at("ids"))), dropout_, context));
    result["lengths"] = flow.at("lengths");
    return result;
  }
  nn::Embedding words;

 private:
  nn::LayerNorm norm_;
  double dropout_;
};

/// x + attention(norm(x)), then x + mlp(norm(x)) with a gated MLP; the first layer's input is
/// normalised already.
class Layer {
 public:
  Layer(const nn::Scope& scope, const Settings& s, int64_t index, std::shared_ptr<const Rope> rope)
      : settings_(s),
        rope_(std::move(rope)),
        first_norm_(index == 0 ? nullptr
                               : std::make_unique<nn::LayerNorm>(scope / "attn_norm", s.width,
                                                                 s.eps, s.norm_bias)),
        qkv_(scope / "attn" / "Wqkv", s.width, 3 * s.width, s.attention_bias),
        output_(scope / "attn" / "Wo", s.width, s.width, s.attention_bias),
        second_norm_(scope / "mlp_norm", s.width, s.eps, s.norm_bias),
        inner_(scope / "mlp" / "Wi", s.width, 2 * s.inner, s.mlp_bias),
        outer_(scope / "mlp" / "Wo", s.inner, s.width, s.mlp_bias) {
    rule_.heads = rule_.kv_heads = s.heads;
    rule_.dropout = s.attention_dropout;
    if (s.local[static_cast<size_t>(index)]) rule_.left = rule_.right = s.reach;
  }

  at::Tensor operator()(const at::Tensor& x, const TokenRows& rows,
                        const nn::Context& context) const {
    const auto qkv = qkv_(first_norm_ ? (*first_norm_)(x) : x).chunk(3, -1);
    const Rope::Turn turn = rope_->turn(rows.lengths, x);
    const at::Tensor q =
        rope_->rotate(rows.pick(qkv[0]).contiguous(), {rows.pick(turn.cos), rows.pick(turn.sin)});
    const at::Tensor k = rope_->rotate(qkv[1].contiguous(), turn);
    const at::Tensor mixed = rows.attend(q, k, qkv[2], rule_, context);
    const at::Tensor y =
        rows.pick(x) + nn::dropout(output_(mixed), settings_.attention_dropout, context);
    const auto parts = inner_(second_norm_(y)).chunk(2, -1);
    const at::Tensor z = nn::activate(settings_.activation, parts[0]) * parts[1];
    return y + outer_(nn::dropout(z, settings_.mlp_dropout, context));
  }

 private:
  Settings settings_;
  std::shared_ptr<const Rope> rope_;
  nn::SequenceAttention rule_;
  std::unique_ptr<nn::LayerNorm> first_norm_;
  nn::Linear qkv_, output_;
  nn::LayerNorm second_norm_;
  nn::Linear inner_, outer_;
};

/// What all heads begin with.
TransformSettings head_transform(const Json& c, const Settings& s) {
  const auto activation = nn::parse_activation(config_text(c, "classifier_activation", "gelu"),
                                               "config.json: classifier_activation");
  TransformSettings transform{"head.dense", "head.norm", s.width, s.width, activation, s.eps};
  transform.dense_bias = config_flag(c, "classifier_bias", false);
  transform.norm_bias = s.norm_bias;
  return transform;
}

/// That transform of features, or of each token.
class Dense final : public Block {
 public:
  Dense(const nn::Scope& scope, const TransformSettings& settings) : transform_(scope, settings) {}
  nn::Flow forward(nn::Flow flow, nn::Context& /*context*/) override {
    at::Tensor& x = flow[flow.has("features") ? "features" : "x"];
    x = transform_(x);
    return flow;
  }

 private:
  RowTransform transform_;
};

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const Settings s(c);
  const int64_t head_width = s.width / s.heads;
  const auto everywhere = std::make_shared<const Rope>(c, head_width, "full_attention");
  const auto nearby = std::make_shared<const Rope>(c, head_width, "sliding_attention");
  if (pooling_of(c, Pooling::first) == Pooling::last) {
    fail_usage(
        "model.pooling=last: transformers' ModernBERT reads the first token or the mean of all, "
        "and "
        "its config knows no other; give first or mean");
  }
  auto& stem = model.add<Stem>("stem", Span::backbone, "model.embeddings", s);
  for (int64_t i = 0; i < s.layers; ++i) {
    const bool local = s.local[static_cast<size_t>(i)];
    std::optional<TowerEnd> end;
    if (i + 1 == s.layers) {
      const nn::Scope scope(model.registry(), "model.final_norm", model.size());
      const auto norm = std::make_shared<nn::LayerNorm>(scope, s.width, s.eps, s.norm_bias);
      // Near the border of a text a local layer sees less than a picked row would be given.
      end = tower_end(
          model, Pooling::first, [norm](const at::Tensor& x) { return (*norm)(x); }, !local);
    }
    model.add<TokenBlock<Layer>>(fmt::format("block {}", i), Span::backbone,
                                 fmt::format("model.layers.{}", i), end, s, i,
                                 local ? nearby : everywhere);
  }
  const TransformSettings transform = head_transform(c, s);
  const double dropout = config_number(c, "classifier_dropout", 0);
  const bool output_bias = config_flag(c, "decoder_bias", true);
  const auto add_dense = [&] { model.add<Dense>("dense", Span::head, "", transform); };
  add_head(model, {{Task::classes,
                    [&] {
                      add_dense();
                      add_classifier(model, "classifier", s.width, classes, dropout);
                    }},
                   {Task::token_classes,
                    [&] {
                      add_dense();
                      add_token_classifier(model, "classifier", s.width, classes, dropout);
                    }},
                   {Task::masked_token, [&] {
                      add_masked_head(model, {transform, "decoder", "decoder", output_bias},
                                      stem.words);
                    }}});
}

}  // namespace

Family modernbert() {
  Family f;
  f.name = "modernbert";
  f.summary = "ModernBERT";
  f.source = "Warner et al. 2024, arXiv:2412.13663";
  f.content = Content::text;
  f.obeys_pooling = true;
  f.defaults = {{"global_rope_theta", 160000.0}};
  f.goes_further = [](const Json& /*config*/) { return true; };
  f.model_types = {"modernbert"};
  f.architectures = encoder_architectures("ModernBert");
  f.base_prefix = "model.";
  f.build = build;
  f.init = init_text_tower;
  return f;
}

}  // namespace graft::models
