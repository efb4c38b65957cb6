#pragma once

#include <memory>
#include <string>

#include "graft/models/text_tower.h"
#include "graft/nn/embedding.h"
#include "graft/nn/norm.h"

namespace graft::models {

/// What the sum of embeddings consists of.
struct BertStemSettings {
  int64_t vocabulary;
  int64_t positions;  ///< 0: positions are not embedded here
  int64_t types;      ///< 0: no embedding of the text's number
  int64_t width;
  double eps, dropout;
  int64_t first_position = 0;  ///< RoBERTa's positions begin after the padding's
  int64_t table_width = 0;     ///< where it is not `width`, the sum is projected ("embed_proj")
};

/// norm(word + position + type) of "ids" (and "types") [T]: "x" [T, width] (Devlin et al. 2018).
class BertStem final : public Block {
 public:
  BertStem(const nn::Scope& scope, const BertStemSettings& settings);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;
  nn::Embedding& words() { return words_; }

 private:
  BertStemSettings settings_;
  nn::Embedding words_;
  std::unique_ptr<nn::Embedding> positions_, types_;
  std::unique_ptr<nn::Linear> project_;
  nn::LayerNorm norm_;
};

/// "features" → activation(dense(features)), the layer some heads have before the classifier.
class FeatureDense final : public Block {
 public:
  FeatureDense(const nn::Scope& scope, int64_t width, nn::Activation activation, double dropout);
  nn::Flow forward(nn::Flow flow, nn::Context& context) override;

 private:
  nn::Linear dense_;
  nn::Activation activation_;
  double dropout_;  // of what enters
};

}  // namespace graft::models
