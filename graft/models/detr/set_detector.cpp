#include "graft/models/detr/set_detector.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/models/candidates.h"

namespace graft::models {
namespace {

constexpr float kNoSuppression = 1;  // each object is found once

class SetDetector final : public Detector {
 public:
  SetDetector(image::Dimensions input, int64_t classes, const SetLossRule& rule)
      : input_(input), classes_(classes), rule_(rule) {}

  std::vector<Detections> find(const nn::Flow& end, const DetectOptions& options) const override {
    const at::NoGradGuard no_grad;
    const at::Tensor logits = end.at("logits").detach();
    const at::Tensor scores =
        (rule_.match.focal ? at::sigmoid(logits) : at::softmax(logits, -1).narrow(-1, 0, classes_))
            .to(at::kCPU, at::kFloat)
            .contiguous();
    const at::Tensor corners =
        corners_of(end.at("boxes").detach()).to(at::kCPU, at::kFloat).contiguous();
    std::vector<Detections> found;
    for (int64_t i = 0; i < scores.size(0); ++i)
      found.push_back(of_picture(scores[i], corners[i], options));
    return found;
  }

  /// As Carion et al. 2020 train: 1e-4.
  double rate() const override { return 0.5; }

  BoxLoss loss(const nn::Flow& end, const std::vector<std::vector<Truth>>& truth) const override {
    std::vector<SetOutput> outputs{{end.at("logits"), end.at("boxes")}};
    if (end.has("auxiliary_logits")) {
      const at::Tensor logits = end.at("auxiliary_logits"), boxes = end.at("auxiliary_boxes");
      for (int64_t layer = 0; layer < logits.size(1); ++layer)
        outputs.push_back({logits.select(1, layer), boxes.select(1, layer)});
    }
    return set_loss(outputs, SetTruth(truth, input_, classes_), rule_);
  }

 private:
  /// `scores` [Q, classes], `corners` [Q, 4].
  Detections of_picture(const at::Tensor& scores, const at::Tensor& corners,
                        const DetectOptions& options) const {
    const auto score = scores.accessor<float, 2>();
    const auto corner = corners.accessor<float, 2>();
    const auto width = static_cast<float>(input_.width);
    const auto height = static_cast<float>(input_.height);
    Candidates all;
    const auto add = [&](int64_t q, int64_t label) {
      if (!(score[q][label] > options.score)) return;
      const image::Box box{corner[q][0] * width, corner[q][1] * height, corner[q][2] * width,
                           corner[q][3] * height};
      all.add(box, score[q][label], static_cast<int>(label));
    };
    for (int64_t q = 0; q < score.size(0); ++q) {
      if (rule_.match.focal) {
        for (int64_t label = 0; label < classes_; ++label) add(q, label);
      } else {
        const float* row = scores.data_ptr<float>() + q * classes_;
        add(q, std::max_element(row, row + classes_) - row);
      }
    }
    return all.chosen(options.iou.value_or(kNoSuppression), options.most);
  }

  image::Dimensions input_;
  int64_t classes_;
  SetLossRule rule_;
};

}  // namespace

std::unique_ptr<Detector> make_set_detector(const Model& model, const SetLossRule& rule) {
  const image::Dimensions input = model.preprocess().output();
  if (input.width < 1 || input.height < 1)
    fail_usage(
        "model: its preprocessing gives pictures of differing sizes; give model.image_size, for "
        "instance 640");
  return std::make_unique<SetDetector>(input, static_cast<int64_t>(model.classes().size()), rule);
}

}  // namespace graft::models
