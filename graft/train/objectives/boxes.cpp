#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "graft/base/error.h"
#include "graft/data/box_inputs.h"
#include "graft/models/box_truth.h"
#include "graft/train/earlier_objects.h"
#include "graft/train/found_boxes.h"
#include "graft/train/job.h"
#include "graft/train/run_model.h"
#include "graft/train/task.h"

namespace graft::train::objective {
namespace {

/// What train.nms says; nothing where the family's own way is right.
std::optional<double> suppression(const Config& config) {
  const Json& nms = config.at("train", "nms");
  return nms.is_null() ? std::nullopt : std::optional(nms.get<double>());
}

/// Where old and new classes are told apart.
Json by_origin(const Job& job, const Json& classes) {
  Json result = Json::object();
  const size_t earlier = job.earlier_classes.size();
  for (const bool old : {true, false}) {
    double ap = 0, ap50 = 0;
    int64_t count = 0, objects = 0;
    for (size_t c = old ? 0 : earlier; c < (old ? earlier : classes.size()); ++c) {
      if (classes[c]["AP"].is_null()) continue;
      ap += classes[c]["AP"].get<double>();
      ap50 += classes[c]["AP50"].get<double>();
      objects += classes[c]["objects"].get<int64_t>();
      ++count;
    }
    if (count == 0) continue;
    result[old ? "earlier" : "new"] = {{"classes", count},
                                       {"objects", objects},
                                       {"AP", ap / static_cast<double>(count)},
                                       {"AP50", ap50 / static_cast<double>(count)}};
  }
  return result;
}

/// A detector that never sees an object only learns to see none.
void check_objects(const data::View& train) {
  for (int64_t i = 0; i < train.size(); ++i) {
    const auto& boxes = train.sample(i).boxes;
    if (std::ranges::any_of(boxes, [](const data::BoxLabel& box) { return !box.crowd; })) return;
  }
  fail_unreadable(
      "data: no object is marked in any of the {} training pictures (of the classes that are "
      "learned); graft check tells what the data hold",
      train.size());
}

/// Pictures in which objects are marked.
class Boxes final : public Objective {
 public:
  Target target() const override { return Target::boxes; }
  std::string task(data::Content /*content*/) const override { return "object-detection"; }
  std::string fact() const override { return "objects are marked in them"; }
  std::string ability() const override { return "finds objects"; }
  models::Task head() const override { return models::Task::boxes; }
  /// What boxes cost is the model's own affair (models/detector.h).
  std::vector<std::string> losses() const override { return {"detection"}; }
  void settle(Config& config, const data::Dataset& data) const override {
    check_objects(data.train);
    check_no_classes(config, "objects are marked in the pictures; leave it out");
    check_no_chat(config);
  }
  Choice metric(const ClassSizes& /*sizes*/) const override {
    return {"AP", "COCO's measure: whether objects are found, and how exactly"};
  }

  std::unique_ptr<data::Inputs> inputs(Job& job) const override {
    check_input_size(job.model());
    models::make_detector(job.model());  // refuses sizes that its layers cannot work with
    return std::make_unique<data::BoxInputs>(job.model().preprocess(), job.data);
  }
  double rate(const Job& job) const override { return models::make_detector(job.model())->rate(); }
  int64_t samples_before(const Job& job) const override {
    return unmarked_classes(job).empty() ? 0 : job.train_size();
  }
  void begin(Job& job, Reader& reader, const Deadline& deadline,
             const std::filesystem::path& folder, bool goes_on) const override {
    add_earlier_objects(job, reader, deadline, folder, goes_on);
  }
  LossValue loss(const nn::Flow& result, const at::Tensor& /*targets*/,
                 const LossOptions& options) const override {
    const models::BoxLoss cost =
        options.detector->loss(result, models::truth_in(result.at("objects")));
    LossValue value;
    value.sum = cost.total.sum();
    value.per_sample = cost.total.detach();
    value.weight = static_cast<double>(cost.total.size(0));
    return value;
  }

  std::unique_ptr<Evaluation> evaluation(const Job& job, const data::View& view) const override {
    models::DetectOptions options;
    options.score = kLeastScore;
    if (const auto nms = suppression(job.config)) options.iou = static_cast<float>(*nms);
    return evaluate_boxes(job, view, options);
  }
  Json settings(const Job& job, const eval::Predictions& validation) const override {
    const double score = best_threshold(validation);
    return models::detection_settings(std::isnan(score) ? std::nullopt : std::optional(score),
                                      suppression(job.config));
  }
  void describe(const Job& job, const eval::Predictions& measured, Json& summary) const override {
    describe_boxes(measured, models::detection_score(job.model()), summary);
    if (!job.earlier_classes.empty())
      summary["by_origin"] = by_origin(job, summary.at("per_class"));
  }

  std::vector<std::string> columns() const override { return {"objects"}; }
  void check_answers(const models::LoadedModel& loaded, const std::string& name) const override {
    if (is_run_folder(name) || !loaded.head.kept.empty()) return;
    fail_usage(
        "{} has no head that was trained to find objects; train one with graft train, and give the "
        "run",
        name);
  }
  using Objective::answer;
  std::vector<Answer> answer(models::Model& model, const std::vector<image::Image>& pictures,
                             int /*top*/) const override {
    const auto detector = models::make_detector(model);
    std::vector<Answer> answers;
    for (models::Detections& found :
         models::detect(model, *detector, pictures, models::detect_options(model)))
      answers.push_back(answer_of(model, std::move(found)));
    return answers;
  }

 private:
  static Answer answer_of(const models::Model& model, models::Detections found) {
    Answer answer;
    Json objects = Json::array();
    std::string cell;
    for (const models::Detection& one : found) {
      const std::string& name = model.classes()[static_cast<size_t>(one.label)];
      const image::Box& b = one.box;
      answer.line += fmt::format("  {} {:.1f} %", name, 100 * one.score);
      cell += fmt::format("{}{} {:.4f} {:.1f} {:.1f} {:.1f} {:.1f}", cell.empty() ? "" : "; ", name,
                          one.score, b.x0, b.y0, b.x1, b.y1);
      objects.push_back({{"class", name}, {"score", one.score}, {"box", {b.x0, b.y0, b.x1, b.y1}}});
    }
    if (objects.empty()) answer.line = "  nothing found";
    answer.cells = {cell};
    answer.json = {{"objects", objects}};
    answer.objects = std::move(found);
    return answer;
  }
};

}  // namespace

std::unique_ptr<Objective> boxes() {
  return std::make_unique<Boxes>();
}

}  // namespace graft::train::objective
