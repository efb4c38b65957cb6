#include "graft/models/bert_stem.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/nn/dropout.h"
#include "graft/nn/sequences.h"

namespace graft::models {

BertStem::BertStem(const nn::Scope& scope, const BertStemSettings& s)
    : settings_(s),
      words_(scope / "word_embeddings", s.vocabulary, s.width),
      positions_(scope / "position_embeddings", s.positions, s.width),
      types_(s.types > 0 ? std::make_unique<nn::Embedding>(scope / "token_type_embeddings", s.types,
                                                           s.width)
                         : nullptr),
      norm_(scope / "LayerNorm", s.width, s.eps) {}

nn::Flow BertStem::forward(nn::Flow flow, nn::Context& context) {
  const at::Tensor& ids = flow.at("ids");
  const at::Tensor& lengths = flow.at("lengths");
  const at::Tensor positions =
      nn::positions_in(lengths).add_(settings_.first_position).to(ids.device());
  at::Tensor x = words_(ids) + positions_(positions);
  if (types_) {
    const bool given = flow.has("types") && settings_.types > 1;
    x = x + (*types_)(given ? flow.at("types") : at::zeros_like(ids));
  }
  nn::Flow result("x", nn::dropout(norm_(x), settings_.dropout, context));
  result["lengths"] = lengths;
  return result;
}

FeatureDense::FeatureDense(const nn::Scope& scope, int64_t width, nn::Activation activation,
                           double dropout)
    : dense_(scope, width, width), activation_(activation), dropout_(dropout) {}

nn::Flow FeatureDense::forward(nn::Flow flow, nn::Context& context) {
  const at::Tensor x = nn::dropout(flow.at("features"), dropout_, context);
  return {"features", nn::activate(activation_, dense_(x))};
}

}  // namespace graft::models
