#include "graft/models/post_norm_layer.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/nn/dropout.h"
#include "graft/nn/sequence_attention.h"

namespace graft::models {
PostNormSettings::PostNormSettings(const Json& c)
    : width(config_integer(c, "hidden_size", 768)),
      heads(config_integer(c, "num_attention_heads", 12)),
      layers(config_integer(c, "num_hidden_layers", 12)),
      inner(config_integer(c, "intermediate_size", 3072)),
      vocabulary(config_integer(c, "vocab_size", 30522)),
      positions(config_integer(c, "max_position_embeddings", 512)),
      activation(
          nn::parse_activation(config_text(c, "hidden_act", "gelu"), "config.json: hidden_act")),
      eps(config_number(c, "layer_norm_eps", 1e-12)),
      dropout(config_number(c, "hidden_dropout_prob", 0.1)),
      attention_dropout(config_number(c, "attention_probs_dropout_prob", 0.1)) {
  check_sizes(layers, width, heads, inner, positions);
  if (config_flag(c, "is_decoder", false)) {
    fail_unreadable(
        "config.json: is_decoder: graft has this model as an encoder, which sees both sides of a "
        "token");
  }
}

PostNormLayer::PostNormLayer(const nn::Scope& scope, const PostNormSettings& s)
    : settings_(s),
      qkv_(scope / s.attention, s.qkv, s.width, s.width, true),
      output_(scope / s.attention_out, s.width, s.width),
      first_norm_(scope / s.first_norm, s.width, s.eps),
      inner_(scope / s.inner_dense, s.width, s.inner),
      outer_(scope / s.outer_dense, s.inner, s.width),
      second_norm_(scope / s.second_norm, s.width, s.eps) {}

at::Tensor PostNormLayer::operator()(const at::Tensor& x, const TokenRows& rows,
                                     const nn::Context& context, const MixTokens& mix) const {
  const auto qkv = qkv_(x);
  nn::SequenceAttention rule;
  rule.heads = rule.kv_heads = settings_.heads;
  rule.dropout = settings_.attention_dropout;
  const at::Tensor q = rows.pick(qkv[0]);
  const at::Tensor mixed =
      mix ? mix(q, qkv[1], qkv[2]) : rows.attend(q, qkv[1], qkv[2], rule, context);
  const at::Tensor y =
      first_norm_(rows.pick(x) + nn::dropout(output_(mixed), settings_.dropout, context));
  return second_norm_(y + nn::dropout(outer_(nn::activate(settings_.activation, inner_(y))),
                                      settings_.dropout, context));
}

}  // namespace graft::models
