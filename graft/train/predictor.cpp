#include "graft/train/predictor.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/json.h"
#include "graft/data/loader.h"
#include "graft/train/run_model.h"

namespace graft::train {

Predictor::Predictor(const std::string& run_or_model) : loaded_(load_any_model(run_or_model)) {
  if (is_run_folder(run_or_model)) {
    const Json summary = read_json(std::filesystem::path(run_or_model) / "summary.json");
    multi_label_ =
        summary.contains("metrics") && summary["metrics"].contains("mean_average_precision");
  }
}

Prediction Predictor::classify(const image::Image& picture) {
  return classify(std::vector<image::Image>{picture}).front();
}

std::vector<Prediction> Predictor::classify(const std::vector<image::Image>& pictures) {
  if (pictures.empty()) return {};
  const at::NoGradGuard no_grad;
  models::Model& model = *loaded_.model;
  std::vector<at::Tensor> pixels;
  for (const auto& picture : pictures)
    pixels.push_back(data::to_pixels(picture, model.preprocess()));
  nn::Context context;
  const at::Tensor logits =
      model.forward({"pixels", at::cat(pixels, 0)}, context).at("logits").contiguous();
  const at::Tensor scores = (multi_label_ ? logits.sigmoid() : at::softmax(logits, 1)).contiguous();
  std::vector<Prediction> predictions;
  for (int64_t i = 0; i < logits.size(0); ++i) {
    Prediction p;
    const float* l = logits.data_ptr<float>() + i * logits.size(1);
    const float* s = scores.data_ptr<float>() + i * logits.size(1);
    p.logits.assign(l, l + logits.size(1));
    p.scores.assign(s, s + logits.size(1));
    p.label = model.classes()[static_cast<size_t>(std::max_element(s, s + logits.size(1)) - s)];
    predictions.push_back(std::move(p));
  }
  return predictions;
}

}  // namespace graft::train
