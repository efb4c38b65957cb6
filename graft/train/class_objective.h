#pragma once

#include <string>
#include <vector>

#include "graft/train/objective.h"

namespace graft::train {

/// What learning one class, several classes and a number of a sample have in common: one row of
/// "logits" a sample.
class SampleObjective : public Objective {
 public:
  std::string task(data::Content content) const override;
  models::Task head() const override { return models::Task::classes; }
  LossValue loss(const nn::Flow& result, const at::Tensor& targets,
                 const LossOptions& options) const override;
  std::unique_ptr<Evaluation> evaluation(const Job& job, const data::View& view) const override;
  void settle(Config& config, const data::Dataset& data) const override;

  std::vector<std::string> columns() const override { return {"label", "probability"}; }
  void check_answers(const models::LoadedModel& loaded, const std::string& name) const override;
  std::vector<Answer> answer(models::Model& model, const std::vector<image::Image>& pictures,
                             int top) const override;
  std::vector<Answer> answer(models::Model& model, const std::vector<data::Text>& texts,
                             int top) const override;

 protected:
  /// What `scores` ("logits" as `says` made them) mean for one sample.
  virtual Answer answer_of(const models::Model& model, const std::vector<float>& logits,
                           const std::vector<float>& scores, int top) const;
  /// Behind "image-" or "text-".
  virtual std::string task_kind() const { return "classification"; }
  /// [B, classes] logits as what a user wants to know.
  virtual at::Tensor says(const at::Tensor& logits) const = 0;
  /// Losses [n] of logits [n, C] as evaluation reports them, and the truth, into `p`.
  virtual void measure(const data::View& view, const std::vector<int64_t>& positions,
                       const at::Tensor& logits, eval::Predictions& p) const = 0;

 private:
  class Rows;
  std::vector<Answer> answer(models::Model& model, nn::Flow inputs, int top) const;
};

/// One class or several.
class ClassObjective : public SampleObjective {
 public:
  std::vector<std::string> losses() const override { return {"cross-entropy", "focal"}; }
  std::vector<std::string> solvers() const override { return {"logistic", "ridge"}; }
  void describe(const Job& job, const eval::Predictions& measured, Json& summary) const override;

 protected:
  void measure(const data::View& view, const std::vector<int64_t>& positions,
               const at::Tensor& logits, eval::Predictions& p) const override;
  /// Losses [n] of logits [n, C] where `hot` [n, C] is 1 at what is true.
  virtual at::Tensor plain_loss(const at::Tensor& logits, const at::Tensor& hot) const = 0;
};

}  // namespace graft::train
