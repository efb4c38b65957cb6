#include <torch/types.h>

#include <cmath>

#include "graft/models/decoder_head.h"
#include "graft/models/family.h"
#include "graft/models/text_tower.h"
#include "graft/nn/dropout.h"
#include "graft/nn/embedding.h"
#include "graft/nn/norm.h"
#include "graft/nn/sequence_attention.h"
#include "graft/nn/sequences.h"

namespace graft::models {
namespace {

struct Settings {
  explicit Settings(const Json& c)
      : width(config_integer(c, "n_embd", 768)),
        heads(config_integer(c, "n_head", 12)),
        layers(config_integer(c, "n_layer", 12)),
        inner(config_integer(c, "n_inner", 4 * width)),
        positions(config_integer(c, "n_positions", 1024)),
        vocabulary(config_integer(c, "vocab_size", 50257)),
        eps(config_number(c, "layer_norm_epsilon", 1e-5)),
        attention_dropout(config_number(c, "attn_pdrop", 0.1)),
        residual_dropout(config_number(c, "resid_pdrop", 0.1)),
        embedding_dropout(config_number(c, "embd_pdrop", 0.1)),
        activation(nn::parse_activation(config_text(c, "activation_function", "gelu_new"),
                                        "config.json: activation_function")),
        scaled(config_flag(c, "scale_attn_weights", true)),
        scaled_by_depth(config_flag(c, "scale_attn_by_inverse_layer_idx", false)) {
    check_sizes(layers, width, heads, inner, positions);
  }
  int64_t width, heads, layers, inner, positions, vocabulary;
  double eps, attention_dropout, residual_dropout, embedding_dropout;
  nn::Activation activation;
  bool scaled, scaled_by_depth;

  /// What a layer's scores are multiplied by.
  double attention_scale(int64_t layer) const {
    const double width_of_head = static_cast<double>(width) / static_cast<double>(heads);
    return (scaled ? 1 / std::sqrt(width_of_head) : 1) /
           (scaled_by_depth ? static_cast<double>(layer + 1) : 1);
  }
};

class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, const Settings& s)
      : words(scope / "wte", s.vocabulary, s.width),
        positions_(scope / "wpe", s.positions, s.width),
        dropout_(s.embedding_dropout) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    const at::Tensor& ids = flow.at("ids");
    const at::Tensor places =
        nn::positions_in(flow.at("lengths"), tokens_before(flow, context)).to(ids.device());
    nn::Flow result("x", nn::dropout(words(ids) + positions_(places), dropout_, context));
    result["lengths"] = flow.at("lengths");
    return result;
  }
  nn::Embedding words;

 private:
  nn::Embedding positions_;
  double dropout_;
};

/// x + attention(norm(x)), then x + mlp(norm(x)). "c_attn" is q, k and v side by side, one layer.
class Layer {
 public:
  Layer(const nn::Scope& scope, const Settings& s, int64_t index)
      : settings_(s),
        scale_(s.attention_scale(index)),
        first_norm_(scope / "ln_1", s.width, s.eps),
        qkv_(scope / "attn" / "c_attn", s.width, 3 * s.width),
        output_(scope / "attn" / "c_proj", s.width, s.width),
        second_norm_(scope / "ln_2", s.width, s.eps),
        inner_(scope / "mlp" / "c_fc", s.width, s.inner),
        outer_(scope / "mlp" / "c_proj", s.inner, s.width) {}

  at::Tensor operator()(const at::Tensor& x, const TokenRows& rows,
                        const nn::Context& context) const {
    const auto qkv = qkv_(first_norm_(x)).chunk(3, -1);
    nn::SequenceAttention rule;
    rule.heads = rule.kv_heads = settings_.heads;
    rule.right = 0;
    rule.scale = scale_;
    rule.dropout = settings_.attention_dropout;
    const at::Tensor mixed = rows.attend(rows.pick(qkv[0]), qkv[1], qkv[2], rule, context);
    const double dropout = settings_.residual_dropout;
    const at::Tensor y = rows.pick(x) + nn::dropout(output_(mixed), dropout, context);
    const at::Tensor z = nn::activate(settings_.activation, inner_(second_norm_(y)));
    return y + nn::dropout(outer_(z), dropout, context);
  }

 private:
  Settings settings_;
  double scale_;
  nn::LayerNorm first_norm_;
  nn::Linear qkv_, output_;
  nn::LayerNorm second_norm_;
  nn::Linear inner_, outer_;
};

void build(Model& model, int64_t classes) {
  const Settings s(model.config());
  const auto norm = [&s](const nn::Scope& scope) -> FinishRows {
    const auto layer_norm = std::make_shared<nn::LayerNorm>(scope, s.width, s.eps);
    return [layer_norm](const at::Tensor& x) { return (*layer_norm)(x); };
  };
  DecoderHead head{"transformer.ln_f", norm, s.width, s.vocabulary};
  head.token_classifier = "classifier";
  auto& stem = model.add<Stem>("stem", Span::backbone, "transformer", s);
  for (int64_t i = 0; i < s.layers; ++i) {
    std::optional<TowerEnd> end;
    if (i + 1 == s.layers) end = decoder_end(model, head);
    model.add<TokenBlock<Layer>>(fmt::format("block {}", i), Span::backbone,
                                 fmt::format("transformer.h.{}", i), end, s, i);
  }
  model.set_shares_prefixes(model.task() == Task::next_token);
  const bool tied = config_flag(model.config(), "tie_word_embeddings", true);
  add_decoder_head(model, classes, head, tied ? &stem.words : nullptr);
}

/// Files have these weights as [in, out].
void transpose(io::TensorMap& tensors) {
  io::TensorMap turned;
  for (const auto& [name, tensor] : tensors) {
    const bool other = name.ends_with(".c_attn.weight") || name.ends_with(".c_proj.weight") ||
                       name.ends_with(".c_fc.weight");
    turned.add(name, other && tensor.dim() == 2 ? tensor.t().contiguous() : tensor);
  }
  tensors = std::move(turned);
}

}  // namespace

Family gpt2() {
  Family f;
  f.name = "gpt2";
  f.summary = "GPT-2";
  f.source = "Radford et al. 2019";
  f.content = Content::text;
  f.model_types = {"gpt2"};
  f.architectures =
      usual_architectures("GPT2", {Task::classes, Task::token_classes, Task::embedding});
  f.architectures[Task::next_token] = "GPT2LMHeadModel";
  f.base_prefix = "transformer.";
  f.build = build;
  f.init = init_text_tower;
  f.unpack = f.pack = transpose;
  return f;
}

}  // namespace graft::models
