#include "graft/train/preference.h"

#include <torch/types.h>

#include "graft/data/preferences.h"
#include "graft/train/batches.h"
#include "graft/train/language_objective.h"
#include "graft/train/rows.h"

namespace graft::train::objective {
namespace {

/// Collects "texts" of both answers of each pair.
class Pairs final : public Evaluation {
 public:
  Pairs(const Job& job, const data::View& view) : job_(job), view_(view) {}
  void add(const nn::Flow& result, const std::vector<int64_t>& positions) override {
    rows_.add(result.at("texts").reshape({-1, 6}).cpu(), positions);
  }
  eval::Predictions finish() override {
    const at::Tensor texts = rows_.finish();
    return preference_predictions(job_, view_, rows_.positions(), texts);
  }

 private:
  const Job& job_;
  const data::View& view_;
  RowsInOrder rows_;
};

class Preference final : public LanguageObjective {
 public:
  Target target() const override { return Target::preference; }
  std::string fact() const override { return "the data are pairs of answers, one of them chosen"; }
  std::vector<std::string> losses() const override { return {"dpo"}; }
  bool claim(const Config& config, data::Dataset& data) const override {
    if (config.values["train"]["loss"] != "dpo") return false;
    data::keep_preferences(data);
    return true;
  }
  Choice metric(const ClassSizes& /*sizes*/) const override {
    return {"loss",
            "it sees how sure the order of the answers is; the share that is right moves in steps"};
  }
  /// A preference is learned next to where the model is.
  double rate(const Job& /*job*/) const override { return 0.1; }

  int64_t samples_before(const Job& job) const override {
    return job.data.train.size() + job.data.validation.size() + job.data.test.size();
  }
  void begin(Job& job, Reader& reader, const Deadline& deadline,
             const std::filesystem::path& folder, bool goes_on) const override {
    begin_reference(job, reader, deadline,
                    folder.empty() ? folder : folder / "reference.safetensors", goes_on);
  }
  bool begin_trial(Job& job, Reader& reader, const std::vector<int64_t>& positions) const override {
    find_reference(job, reader, job.data.train, positions, Deadline(std::nullopt));
    return true;
  }
  at::Tensor targets(const Job& job, const data::View& view,
                     const std::vector<int64_t>& positions) const override {
    return reference_of(job, view, positions);
  }
  at::Tensor example_targets(const Job& job, int64_t samples) const override {
    return at::zeros({samples, 2}, job.model().device());
  }
  LossValue loss(const nn::Flow& result, const at::Tensor& targets,
                 const LossOptions& options) const override {
    return preference_loss(result, targets, options.dpo_beta);
  }
  std::unique_ptr<Evaluation> evaluation(const Job& job, const data::View& view) const override {
    return std::make_unique<Pairs>(job, view);
  }
};

}  // namespace

std::unique_ptr<Objective> preference() {
  return std::make_unique<Preference>();
}

}  // namespace graft::train::objective
