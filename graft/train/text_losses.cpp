#include "graft/train/text_losses.h"

#include <torch/types.h>

namespace graft::train {

LossValue text_losses(const nn::Flow& result) {
  const at::Tensor& texts = result.at("texts");
  const auto tokens = texts.select(1, 1).sum(at::kDouble).item<double>();
  return {result.at("loss"), texts.select(1, 0), tokens, tokens};
}

void TextLosses::add(const nn::Flow& result, const std::vector<int64_t>& positions) {
  rows_.add(result.at("texts").cpu(), positions);
}

eval::Predictions TextLosses::finish() {
  eval::Predictions p;
  p.target = target_;
  const at::Tensor texts = rows_.finish().contiguous();
  const float* row = texts.data_ptr<float>();
  for (const int64_t position : rows_.positions()) {
    p.inputs.push_back(view_.sample(position).id);
    p.labels.emplace_back();
    p.tokens.push_back(static_cast<int64_t>(row[1]));
    p.hits.push_back(static_cast<int64_t>(row[2]));
    p.losses.push_back(row[1] > 0 ? row[0] / row[1] : 0);
    row += 3;
  }
  return p;
}

}  // namespace graft::train
