#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graft/models/text_tower.h"
#include "graft/nn/activation.h"
#include "graft/nn/norm.h"

namespace graft::models {

/// Shape, rates and names of an encoder layer that normalises after each residual.
struct PostNormSettings {
  /// Reads what BERT and its descendants have in common; sizes that do not fit are errors (exit
  /// code 3).
  explicit PostNormSettings(const Json& config);

  int64_t width, heads, layers, inner, vocabulary, positions;
  nn::Activation activation;
  double eps, dropout, attention_dropout;
  // Names below the layer's path, as in BERT:
  std::string attention = "attention.self";
  std::vector<std::string> qkv = {"query", "key", "value"};
  std::string attention_out = "attention.output.dense";
  std::string first_norm = "attention.output.LayerNorm";
  std::string inner_dense = "intermediate.dense", outer_dense = "output.dense";
  std::string second_norm = "output.LayerNorm";
};

/// Attention of another kind than nn::attend: q of the rows that leave the layer, k and v of all,
/// to what the heads found [rows that leave, width].
using MixTokens =
    std::function<at::Tensor(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)>;

/// norm(x + attention(x)), then norm(y + mlp(y)) (Devlin et al. 2018) on tokens [T, width].
class PostNormLayer {
 public:
  PostNormLayer(const nn::Scope& scope, const PostNormSettings& settings);
  at::Tensor operator()(const at::Tensor& x, const TokenRows& rows, const nn::Context& context,
                        const MixTokens& mix = {}) const;
  /// Of queries, keys and values, in this order.
  const nn::LinearGroup& projections() const { return qkv_; }

 private:
  PostNormSettings settings_;
  nn::LinearGroup qkv_;
  nn::Linear output_;
  nn::LayerNorm first_norm_;
  nn::Linear inner_, outer_;
  nn::LayerNorm second_norm_;
};

}  // namespace graft::models
