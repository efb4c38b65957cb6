#include "graft/train/found_boxes.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/eval/box_pairs.h"
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
    const std::vector<models::Detections> found =
        models::find_in_pictures(job_.model(), *detector_, result, options_);
    for (size_t i = 0; i < positions.size(); ++i) {
      Picture one{positions[i], losses.data_ptr<float>()[i], {}};
      for (const models::Detection& box : found[i])
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
  for (size_t i = 0; i < p.boxes.size(); ++i) metric.add(static_cast<int64_t>(i), p.boxes[i]);
  return metric;
}

/// Of each class, what is right of the boxes with at least `least` as score, at an overlap of 0.5.
std::vector<eval::Tally> tally(const eval::Predictions& p, double least) {
  std::vector<eval::Tally> classes(p.classes.size());
  for (const eval::PictureBoxes& picture : p.boxes) {
    for (const eval::TrueBox& object : picture.truth)
      classes[static_cast<size_t>(object.label)].truth += object.must_be_found();
    const eval::BoxPairs pairs = eval::pair_boxes(picture.truth, picture.found, least);
    for (size_t i = 0; i < pairs.fates.size(); ++i) {
      const eval::Fate fate = pairs.fates[i];
      if (fate == eval::Fate::dropped || fate == eval::Fate::ignored) continue;
      eval::Tally& one = classes[static_cast<size_t>(picture.found[i].label)];
      ++one.said;
      one.hits += fate == eval::Fate::right;
    }
  }
  return classes;
}

eval::Tally sum(const std::vector<eval::Tally>& tallies) {
  eval::Tally all;
  for (const eval::Tally& one : tallies) {
    all.truth += one.truth;
    all.said += one.said;
    all.hits += one.hits;
  }
  return all;
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
  return metric_of(measured).best().threshold;
}

void describe_boxes(const eval::Predictions& measured, double threshold, Json& summary) {
  const eval::BoxScores scores = metric_of(measured).scores();
  Json all = {{"images", scores.images},
              {"objects", scores.objects},
              {"ignored", scores.ignored},
              {"threshold", number(threshold)}};
  for (const auto& [name, value] : scores.figures.named()) all[name] = number(value);
  const auto tallies = tally(measured, std::isnan(threshold) ? 0 : threshold);
  all.update(right_share(sum(tallies)));
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
    line.update(right_share(tallies[c]));
    classes.push_back(line);
  }
  summary["per_class"] = classes;
}

}  // namespace graft::train
