#include "graft/train/predictor.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/json.h"
#include "graft/train/job.h"
#include "graft/train/run_model.h"

namespace graft::train {

Predictor::Predictor(const std::string& run_or_model) : loaded_(load_any_model(run_or_model)) {
  const Objective& objective = objective_of(problem());
  objective.check_answers(loaded_, run_or_model);
  if (objective.head() == models::Task::classes && model().has_classifier()) return;
  fail_usage("{} {} and tells no classes of samples; use graft predict or graft eval", run_or_model,
             objective.ability());
}

Prediction Predictor::classify(const image::Image& picture) {
  return classify(std::vector<image::Image>{picture}).front();
}

std::vector<Prediction> Predictor::classify(const std::vector<image::Image>& pictures) {
  if (pictures.empty()) return {};
  if (reads_texts()) fail_usage("the model ({}) reads texts, not pictures", model().family());
  return classify(to_flow(model(), pictures));
}

Prediction Predictor::classify(const data::Text& text) {
  return classify(std::vector<data::Text>{text}).front();
}

std::vector<Prediction> Predictor::classify(const std::vector<data::Text>& texts) {
  if (texts.empty()) return {};
  if (!reads_texts()) fail_usage("the model ({}) reads pictures, not texts", model().family());
  return classify(to_flow(model(), texts));
}

bool Predictor::reads_texts() const {
  return train::reads_texts(*loaded_.model);
}

std::vector<Prediction> Predictor::classify(nn::Flow inputs) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  const at::Tensor logits =
      model().forward(inputs.to(model().device()), context).at("logits").cpu().contiguous();
  const at::Tensor scores = (regression()    ? logits
                             : multi_label() ? logits.sigmoid()
                                             : at::softmax(logits, 1))
                                .contiguous();
  std::vector<Prediction> predictions;
  for (int64_t i = 0; i < logits.size(0); ++i) {
    Prediction p;
    const float* l = logits.data_ptr<float>() + i * logits.size(1);
    const float* s = scores.data_ptr<float>() + i * logits.size(1);
    p.logits.assign(l, l + logits.size(1));
    p.scores.assign(s, s + logits.size(1));
    const auto best = static_cast<size_t>(std::max_element(s, s + logits.size(1)) - s);
    p.label = regression() ? fmt::format("{}", s[0]) : model().classes()[best];
    predictions.push_back(std::move(p));
  }
  return predictions;
}

}  // namespace graft::train
