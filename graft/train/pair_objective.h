#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/train/objective.h"
#include "graft/train/rows.h"

namespace graft::train {

/// What learning how alike two texts are and learning what belongs together have in common: texts
/// are read one by one and compared by the cosine of their vectors (train/contrastive.h).
class PairObjective : public Objective {
 public:
  std::string task(data::Content /*content*/) const override { return kTask; }
  std::string data_format() const override { return "text-pairs"; }
  std::string ability() const override { return "tells how alike texts are"; }
  models::Task head() const override { return models::Task::embedding; }
  Target problem() const override { return Target::similarity; }
  bool new_head() const override { return false; }
  /// A sample is compared with the others of its batch.
  int64_t least_batch() const override { return 16; }
  void settle(Config& config, const data::Dataset& data) const override;
  std::unique_ptr<data::Inputs> inputs(Job& job) const override;
  std::string head_note(const Job& job) const override;
  std::unique_ptr<Evaluation> evaluation(const Job& job, const data::View& view) const override;
  std::string shown(const data::Text& text) const override;

  using Objective::answer;
  std::vector<std::string> columns() const override { return {"similarity", "embedding"}; }
  std::vector<Answer> answer(models::Model& model, const std::vector<data::Text>& texts,
                             int top) const override;

  static constexpr const char* kTask = "sentence-similarity";

 protected:
  /// What `targets` are of the samples at `positions`, on the CPU.
  virtual at::Tensor truth(const Job& job, const data::View& view,
                           const std::vector<int64_t>& positions) const = 0;
  /// What vectors [n k, D] of a whole split say, beside the losses.
  virtual void measure(const at::Tensor& features, const at::Tensor& truth,
                       eval::Predictions& p) const = 0;

 private:
  class Vectors;
};

}  // namespace graft::train
