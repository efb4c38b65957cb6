#include "graft/train/found_boxes.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/eval/detection.h"
#include "graft/models/box_truth.h"
#include "graft/train/job.h"

namespace graft::train {
namespace {

eval::MeasuredBox measured(const image::Box& box) {
  return {box.x0, box.y0, box.width(), box.height()};
}

std::vector<eval::TrueBox> truth_of(const data::Sample& sample) {
  std::vector<eval::TrueBox> truth;
  for (const data::BoxLabel& one : sample.boxes) {
    const double area = one.area > 0 ? one.area : one.box.area();
    truth.push_back({measured(one.box), one.label, area, one.crowd, one.difficult});
  }
  return truth;
}

class FoundBoxes final : public Evaluation {
 public:
  FoundBoxes(const Job& job, const data::View& view, const models::DetectOptions& options)
      : job_(job), view_(view), options_(options), detector_(models::make_detector(job.model())) {}

  void add(const nn::Flow& result, const std::vector<int64_t>& positions) override {
    const at::Tensor losses = detector_->loss(result, models::truth_in(result.at("objects")))
                                  .total.detach()
                                  .to(at::kCPU, at::kFloat)
                                  .contiguous();
    const at::Tensor sizes = result.at("sizes").cpu();
    const std::vector<models::Detections> found = detector_->find(result, options_);
    for (size_t i = 0; i < positions.size(); ++i) {
      const auto* size = sizes.data_ptr<float>() + 2 * i;
      const image::Dimensions picture{static_cast<int>(size[1]), static_cast<int>(size[0])};
      Picture one{positions[i], losses.data_ptr<float>()[i], {}};
      const image::Placement placement = job_.model().preprocess().placement(picture);
      for (const models::Detection& box : models::in_picture(found[i], placement, picture))
        one.found.push_back({measured(box.box), box.label, box.score});
      pictures_.push_back(std::move(one));
    }
  }

  eval::Predictions finish() override {
    std::sort(pictures_.begin(), pictures_.end(),
              [](const Picture& a, const Picture& b) { return a.position < b.position; });
    eval::Predictions p;
    p.classes = job_.model().classes();
    p.target = Target::boxes;
    for (Picture& picture : pictures_) {
      const data::Sample& sample = view_.sample(picture.position);
      p.inputs.push_back(sample.id);
      p.labels.push_back(sample.labels);
      p.losses.push_back(picture.loss);
      p.boxes.push_back({truth_of(sample), std::move(picture.found)});
    }
    p.ranking = std::make_shared<eval::BoxRanking>(p.classes.size(), p.boxes);
    return p;
  }

 private:
  struct Picture {
    int64_t position;
    float loss;
    std::vector<eval::FoundBox> found;
  };
  const Job& job_;
  const data::View& view_;
  models::DetectOptions options_;
  std::unique_ptr<models::Detector> detector_;
  std::vector<Picture> pictures_;
};

eval::DetectionMetric metric_of(const eval::Predictions& p) {
  eval::DetectionMetric metric(p.classes);
  for (size_t i = 0; i < p.boxes.size(); ++i)
    metric.add(static_cast<int64_t>(i), p.boxes[i].truth, p.boxes[i].found);
  return metric;
}

/// Of one class, or of all (-1), at an overlap of 0.5.
eval::Tally tally(const eval::Predictions& p, int label, double threshold) {
  eval::Tally tally;
  for (const eval::PictureBoxes& picture : p.boxes) {
    for (int c = std::max(label, 0);
         c < (label < 0 ? static_cast<int>(p.classes.size()) : label + 1); ++c) {
      eval::PictureBoxes part;
      for (const eval::TrueBox& object : picture.truth) {
        if (object.label != c) continue;
        part.truth.push_back(object);
        tally.truth += !object.crowd && !object.difficult;
      }
      for (const eval::FoundBox& box : picture.found) {
        if (box.label == c && box.score >= threshold) part.found.push_back(box);
      }
      if (part.found.empty()) continue;
      for (const eval::Verdict& verdict : eval::judge(part.truth, part.found)) {
        if (verdict.ignored[0] & 1U) continue;
        ++tally.said;
        tally.hits += verdict.hit[0] & 1U;
      }
    }
  }
  return tally;
}

Json right_share(const eval::Tally& t) {
  return {{"precision", t.precision()}, {"recall", t.recall()}, {"f1", t.f1()}};
}

Json number(double value) {
  return std::isnan(value) ? Json(nullptr) : Json(value);
}

}  // namespace

std::unique_ptr<Evaluation> evaluate_boxes(const Job& job, const data::View& view,
                                           const models::DetectOptions& options) {
  return std::make_unique<FoundBoxes>(job, view, options);
}

double best_threshold(const eval::Predictions& measured) {
  return metric_of(measured).scores().best.threshold;
}

void describe_boxes(const eval::Predictions& measured, double threshold, Json& summary) {
  const eval::BoxScores scores = metric_of(measured).scores();
  Json all = {{"images", scores.images},
              {"objects", scores.objects},
              {"ignored", scores.ignored},
              {"threshold", number(threshold)}};
  for (const auto& [name, value] : scores.figures.named()) all[name] = number(value);
  const double least = std::isnan(threshold) ? 0 : threshold;
  all.update(right_share(tally(measured, -1, least)));
  summary["detection"] = all;
  Json classes = Json::array();
  for (size_t c = 0; c < scores.classes.size(); ++c) {
    const eval::ClassBoxes& one = scores.classes[c];
    Json line = {{"class", one.name},
                 {"objects", one.objects},
                 {"found", one.found},
                 {"AP", number(one.figures.ap)},
                 {"AP50", number(one.figures.ap50)},
                 {"AP75", number(one.figures.ap75)},
                 {"AR100", number(one.figures.ar100)},
                 {"threshold", number(one.best.threshold)}};
    line.update(right_share(tally(measured, static_cast<int>(c), least)));
    classes.push_back(line);
  }
  summary["per_class"] = classes;
}

}  // namespace graft::train
