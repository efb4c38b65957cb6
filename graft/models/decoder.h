#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/models/rope.h"
#include "graft/models/text_tower.h"
#include "graft/nn/activation.h"
#include "graft/nn/embedding.h"
#include "graft/nn/norm.h"
#include "graft/nn/sequence_attention.h"

namespace graft::models {

/// Shape, rates and names of a decoder of Llama's form (Touvron et al. 2023), and how its relatives
/// differ from it.
struct DecoderSettings {
  /// Reads what the configs have in common; sizes that do not fit are errors (exit code 3).
  explicit DecoderSettings(const Json& config);

  int64_t width, heads, kv_heads, head_width, inner, layers, vocabulary;
  nn::Activation activation;
  double eps;
  double attention_dropout = 0, residual_dropout = 0, embedding_dropout = 0;
  bool qkv_bias = false, output_bias = false, mlp_bias = false;
  bool head_norms = false;     ///< of every head's queries and keys, before they rotate (Qwen 3)
  bool gemma_norms = false;    ///< factor 1 + weight
  bool outer_norms = false;    ///< of what attention and MLP give as well (Gemma 2)
  bool packed = false;         ///< qkv_proj and gate_up_proj are single layers (Phi 3)
  double attention_scale = 0;  ///< 0: 1 / sqrt(head_width)
  double soft_cap = 0, logit_cap = 0;
  double embedding_scale = 1;
  bool tied = false;          ///< the output matrix is the embedding
  int64_t window = 0;         ///< keys that a query of a sliding layer sees, itself included
  std::vector<bool> sliding;  ///< by layer
  /// Names of the kinds of layers in the config, where their rotations differ.
  bool ropes_by_kind = false;
};

/// x + attention(norm(x)), then x + mlp(norm(x)) on tokens [T, width].
class DecoderLayer {
 public:
  DecoderLayer(const nn::Scope& scope, const DecoderSettings& settings, int64_t index,
               std::shared_ptr<const Rope> rope);
  ~DecoderLayer();
  at::Tensor operator()(const at::Tensor& x, const TokenRows& rows,
                        const nn::Context& context) const;

 private:
  class Mlp;
  std::vector<at::Tensor> project(const at::Tensor& x) const;
  at::Tensor normed_heads(const nn::RmsNorm& norm, const at::Tensor& x) const;

  DecoderSettings settings_;
  nn::SequenceAttention rule_;
  std::shared_ptr<const Rope> rope_;
  std::unique_ptr<nn::LinearGroup> qkv_;
  std::unique_ptr<nn::Linear> packed_qkv_;
  nn::Linear output_;
  std::unique_ptr<nn::RmsNorm> query_norm_, key_norm_;
  nn::RmsNorm first_norm_, second_norm_;
  std::unique_ptr<nn::RmsNorm> after_attention_, after_mlp_;
  std::unique_ptr<Mlp> mlp_;
};

/// Builds the chain: stem (embeddings), a block a layer, and the head that the model's task wants:
/// "score" on the last token for classes, the final norm and the output matrix for the next token.
void build_decoder(Model& model, int64_t classes, const DecoderSettings& settings);

}  // namespace graft::models
