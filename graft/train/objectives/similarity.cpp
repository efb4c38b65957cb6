#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/train/contrastive.h"
#include "graft/train/job.h"
#include "graft/train/pair_objective.h"

namespace graft::train::objective {
namespace {

/// The scores of train that stand for 0 and 1: its own least and greatest, unless all are cosines.
Json range_of(const data::View& train) {
  float least = train.sample(0).value;
  float most = least;
  for (int64_t i = 0; i < train.size(); ++i) {
    least = std::min(least, train.sample(i).value);
    most = std::max(most, train.sample(i).value);
  }
  const bool cosines = least >= -1 && most <= 1;
  return cosines || least == most ? Json{0, 1} : Json{least, most};
}

/// Pairs of texts with a score.
class Similarity final : public PairObjective {
 public:
  Target target() const override { return Target::similarity; }
  std::string fact() const override { return "two texts are as alike as a score says"; }
  std::vector<std::string> losses() const override { return {"cosent", "cosine"}; }
  Choice metric(const ClassSizes& /*sizes*/) const override {
    return {"spearman", "scores say in which order pairs are alike, not what their cosine is"};
  }
  void settle(Config& config, const data::Dataset& data) const override {
    PairObjective::settle(config, data);
    Json& train = config.values["train"];
    if (train["symmetric"].get<bool>())
      fail_usage("train.symmetric is for the loss contrastive, but {}; leave it out", fact());
    if (train["loss"] == "cosine") {
      if (train["score_range"].is_null()) train["score_range"] = range_of(data.train);
    } else if (!train["score_range"].is_null()) {
      fail_usage(
          "train.score_range is for train.loss=cosine: the loss cosent compares scores with one "
          "another only; leave it out");
    }
  }
  at::Tensor targets(const Job& job, const data::View& view,
                     const std::vector<int64_t>& positions) const override {
    return truth(job, view, positions).to(job.model().device());
  }
  at::Tensor example_targets(const Job& job, int64_t samples) const override {
    return at::linspace(0, 1, samples, job.model().device());
  }
  LossValue loss(const nn::Flow& result, const at::Tensor& targets,
                 const LossOptions& options) const override {
    const at::Tensor& features = result.at("features");
    if (options.kind == "cosent") return cosent_loss(features, targets, options.scale);
    const double span = options.score_high - options.score_low;
    return cosine_loss(features, (targets - options.score_low) / span);
  }

 protected:
  at::Tensor truth(const Job& /*job*/, const data::View& view,
                   const std::vector<int64_t>& positions) const override {
    at::Tensor scores = at::empty({static_cast<int64_t>(positions.size())});
    auto* out = scores.data_ptr<float>();
    for (const int64_t position : positions) *out++ = view.sample(position).value;
    return scores;
  }
  void measure(const at::Tensor& features, const at::Tensor& truth,
               eval::Predictions& p) const override {
    const at::Tensor cosines = pair_cosines(features, 2).contiguous();
    const float* c = cosines.data_ptr<float>();
    const float* t = truth.data_ptr<float>();
    p.classes = {"cosine"};
    p.scores.assign(c, c + cosines.numel());
    p.values.assign(t, t + truth.numel());
  }
};

}  // namespace

std::unique_ptr<Objective> similarity() {
  return std::make_unique<Similarity>();
}

}  // namespace graft::train::objective
