#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/train/contrastive.h"
#include "graft/train/job.h"
#include "graft/train/pair_objective.h"

namespace graft::train::objective {
namespace {

/// Texts that belong together, with negatives or without.
class Retrieval final : public PairObjective {
 public:
  Target target() const override { return Target::retrieval; }
  std::string fact() const override { return "texts belong together"; }
  std::vector<std::string> losses() const override { return {"contrastive"}; }
  Choice metric(const ClassSizes& /*sizes*/) const override {
    return {"mrr", "it sees how far from the first place what belongs to a text is"};
  }
  void settle(Config& config, const data::Dataset& data) const override {
    PairObjective::settle(config, data);
    const Json& train = config.values["train"];
    if (!train["score_range"].is_null())
      fail_usage("train.score_range is for pairs with a score, but {}; leave it out", fact());
    if (train["batch"] == 1 && data.texts_a_sample == 2) {
      fail_usage(
          "train.batch=1: what belongs to a text is told apart from the others of the batch, and "
          "there are none; give a larger one (updates.every does not make it larger), or data with "
          "negatives");
    }
  }
  std::string head_note(const Job& job) const override {
    const auto every = job.config.values["updates"]["every"].get<int64_t>();
    const std::string note = PairObjective::head_note(job);
    if (every == 1) return note;
    return note + fmt::format("; each of the {} batches of an update has its own negatives", every);
  }
  at::Tensor targets(const Job& job, const data::View& view,
                     const std::vector<int64_t>& positions) const override {
    return truth(job, view, positions).to(job.model().device());
  }
  at::Tensor example_targets(const Job& job, int64_t samples) const override {
    const int64_t texts = job.data.texts_a_sample;
    return at::arange(samples * texts, job.model().device()).view({samples, texts});
  }
  LossValue loss(const nn::Flow& result, const at::Tensor& targets,
                 const LossOptions& options) const override {
    return contrastive_loss(result.at("features"), targets, options.scale, options.symmetric);
  }

 protected:
  at::Tensor truth(const Job& job, const data::View& view,
                   const std::vector<int64_t>& positions) const override {
    return text_keys(view, positions, job.data.texts_a_sample);
  }
  void measure(const at::Tensor& features, const at::Tensor& truth,
               eval::Predictions& p) const override {
    p.ranks = positive_ranks(features, truth);
  }
};

}  // namespace

std::unique_ptr<Objective> retrieval() {
  return std::make_unique<Retrieval>();
}

}  // namespace graft::train::objective
