#include "graft/models/bert_stem.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/nn/dropout.h"
#include "graft/nn/sequences.h"

namespace graft::models {
namespace {

int64_t table_width(const BertStemSettings& s) {
  return s.table_width > 0 ? s.table_width : s.width;
}

std::unique_ptr<nn::Embedding> table(const nn::Scope& scope, int64_t rows,
                                     const BertStemSettings& s) {
  return rows > 0 ? std::make_unique<nn::Embedding>(scope, rows, table_width(s)) : nullptr;
}

}  // namespace

BertStem::BertStem(const nn::Scope& scope, const BertStemSettings& s)
    : settings_(s),
      words_(scope / "word_embeddings", s.vocabulary, table_width(s)),
      positions_(table(scope / "position_embeddings", s.positions, s)),
      types_(table(scope / "token_type_embeddings", s.types, s)),
      project_(
          table_width(s) == s.width
              ? nullptr
              : std::make_unique<nn::Linear>(scope / "embed_proj", table_width(s), s.width, false)),
      norm_(scope / "LayerNorm", s.width, s.eps) {}

nn::Flow BertStem::forward(nn::Flow flow, nn::Context& context) {
  const at::Tensor& ids = flow.at("ids");
  const at::Tensor& lengths = flow.at("lengths");
  at::Tensor x = words_(ids);
  if (positions_) {
    const at::Tensor positions = nn::positions_in(lengths).add_(settings_.first_position);
    x = x + (*positions_)(positions.to(ids.device()));
  }
  if (types_) {
    const bool given = flow.has("types") && settings_.types > 1;
    x = x + (*types_)(given ? flow.at("types") : at::zeros_like(ids));
  }
  if (project_) x = (*project_)(x);
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
