#pragma once

#include <string>

#include "graft/base/json.h"
#include "graft/models/positioned_attention.h"
#include "graft/nn/activation.h"
#include "graft/nn/norm.h"

namespace graft::models {

/// What a config of DETR or a relative means where it is silent.
struct DetrDefaults {
  int64_t queries = 100, inner = 2048;
};

/// Shapes and rates of DETR's transformer.
struct DetrSettings {
  /// Sizes that do not fit are errors (exit code 3).
  explicit DetrSettings(const Json& config, const DetrDefaults& defaults = {});

  int64_t width, queries;
  int64_t encoder_layers, encoder_heads, encoder_inner;
  int64_t decoder_layers, decoder_heads, decoder_inner;
  nn::Activation activation;
  double dropout, attention_dropout, inner_dropout;
  bool auxiliary;  ///< boxes after each decoder layer, which are learned as well
};

/// A map's places one after the other: [B, C, H, W] → [B, H x W, C].
at::Tensor places_of(const at::Tensor& map);

/// The two linear layers of a transformer layer, "mlp.fc1" and "mlp.fc2", its norms and dropouts.
class DetrFeedForward {
 public:
  DetrFeedForward(const nn::Scope& layer, const DetrSettings& s, int64_t inner);
  /// norm(x + mlp(x)).
  at::Tensor operator()(const at::Tensor& x, const nn::Context& context) const;

 private:
  nn::Activation activation_;
  double dropout_, inner_dropout_;
  nn::Linear first_, second_;
  nn::LayerNorm norm_;
};

/// norm(x + attention(x)), then norm(y + mlp(y)), on places of a map [B, S, width]; positions are
/// added to queries and keys of every layer (Carion et al. 2020, arXiv:2005.12872).
class DetrEncoderLayer {
 public:
  DetrEncoderLayer(const nn::Scope& scope, const DetrSettings& s);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& positions,
                        const nn::Context& context) const;

 private:
  double dropout_;
  PositionedAttention attention_;
  nn::LayerNorm norm_;
  DetrFeedForward feed_forward_;
};

/// What a decoder layer looks at.
struct DetrMemory {
  at::Tensor values;     ///< [B, S, width], of the encoder
  at::Tensor positions;  ///< broadcasts to it
};

/// Queries [B, Q, width] look at each other, then at the encoder's places.
class DetrDecoderLayer {
 public:
  DetrDecoderLayer(const nn::Scope& scope, const DetrSettings& s);
  /// `queries` [B, Q, width] tells them apart: it is added wherever they ask.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& queries, const DetrMemory& memory,
                        const nn::Context& context) const;

 private:
  int64_t heads_;
  double dropout_, attention_dropout_;
  PositionedAttention attention_;
  nn::LayerNorm norm_;
  nn::Linear cross_queries_, cross_keys_, cross_values_, cross_result_;
  nn::LayerNorm cross_norm_;
  DetrFeedForward feed_forward_;
};

}  // namespace graft::models
