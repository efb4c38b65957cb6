#include <torch/types.h>

#include <algorithm>

#include "graft/train/class_objective.h"
#include "graft/train/job.h"
#include "graft/train/task.h"

namespace graft::train::objective {
namespace {

bool trains_head(const Job& job) {
  return std::any_of(job.stages.begin(), job.stages.end(), [&](const strategies::Stage& stage) {
    return stage.blocks.back() >= job.model().head();
  });
}

class Regression final : public SampleObjective {
 public:
  Target target() const override { return Target::regression; }
  std::string fact() const override { return "the labels are numbers"; }
  std::string ability() const override { return "predicts a number"; }
  std::vector<std::string> losses() const override { return {"squared"}; }
  std::vector<std::string> solvers() const override { return {"ridge"}; }
  Choice metric(const ClassSizes& /*sizes*/) const override {
    return {"pearson", "the labels are numbers: how well predictions follow them"};
  }
  void settle(Config& config, const data::Dataset& data) const override {
    check_no_classes(config,
                     "the labels of the data are numbers; leave it out, or set data.labels=classes "
                     "to make a class of each number");
    SampleObjective::settle(config, data);
  }
  std::string head_note(const Job& job) const override {
    return job.loaded.head.added.empty() ? "head: one output, a number, kept from the checkpoint"
                                         : "head: one output, a number, new";
  }
  /// A new head starts at the mean: its first steps are not spent on that.
  void start(Job& job) const override {
    if (job.loaded.head.added.empty() || !job.earlier_classes.empty() || !trains_head(job) ||
        !job.model().classifier().bias().defined())
      return;
    double sum = 0;
    for (int64_t i = 0; i < job.data.train.size(); ++i) sum += job.data.train.sample(i).value;
    const at::NoGradGuard no_grad;
    job.model().classifier().bias().fill_(sum / static_cast<double>(job.data.train.size()));
  }
  at::Tensor targets(const Job& job, const data::View& view,
                     const std::vector<int64_t>& positions) const override {
    at::Tensor values = at::empty({static_cast<int64_t>(positions.size()), 1});
    auto* out = values.data_ptr<float>();
    for (const int64_t position : positions) *out++ = view.sample(position).value;
    return values.to(job.model().device());
  }
  at::Tensor example_targets(const Job& job, int64_t samples) const override {
    return at::zeros({samples, 1}, job.model().device());
  }
  std::vector<std::string> columns() const override { return {"value"}; }

 protected:
  std::string task_kind() const override { return "regression"; }
  at::Tensor says(const at::Tensor& logits) const override { return logits; }
  void measure(const data::View& view, const std::vector<int64_t>& positions,
               const at::Tensor& /*logits*/, eval::Predictions& p) const override {
    for (size_t i = 0; i < positions.size(); ++i) {
      const float value = view.sample(positions[i]).value;
      p.values.push_back(value);
      p.losses.push_back((p.scores[i] - value) * (p.scores[i] - value));
    }
  }
  Answer answer_of(const models::Model& /*model*/, const std::vector<float>& /*logits*/,
                   const std::vector<float>& scores, int /*top*/) const override {
    if (scores.size() > 1) {  // a model of others, which gives several
      std::string line, cell;
      for (const float score : scores) {
        line += fmt::format("  {:.4g}", score);
        cell += fmt::format("{}{}", cell.empty() ? "" : ";", score);
      }
      return {line, {cell}, {{"values", scores}}};
    }
    const float value = scores.front();
    return {fmt::format("  {:.4g}", value), {fmt::format("{}", value)}, {{"value", value}}};
  }
};

}  // namespace

std::unique_ptr<Objective> regression() {
  return std::make_unique<Regression>();
}

}  // namespace graft::train::objective
