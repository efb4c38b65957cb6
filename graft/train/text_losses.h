#pragma once

#include "graft/train/objective.h"
#include "graft/train/rows.h"

/// Of chains whose head has taken the losses of tokens itself (models/token_output.h).
namespace graft::train {

/// The sum over learned tokens; their number is the weight.
LossValue text_losses(const nn::Flow& result);

/// Collects rows of "texts": of each text its losses, learned tokens, and hits among them.
class TextLosses final : public Evaluation {
 public:
  TextLosses(Target target, const data::View& view) : target_(target), view_(view) {}
  void add(const nn::Flow& result, const std::vector<int64_t>& positions) override;
  eval::Predictions finish() override;

 private:
  Target target_;
  const data::View& view_;
  RowsInOrder rows_;
};

}  // namespace graft::train
