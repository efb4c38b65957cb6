#pragma once

#include <string>

#include "graft/base/json.h"
#include "graft/eval/metric.h"
#include "graft/train/job.h"

namespace graft::train {

/// What a model came to on a split. Intervals are drawn, so that it is made once and read often.
class Measurement {
 public:
  /// Of at least one sample.
  explicit Measurement(eval::Predictions predictions);

  /// What the objective says of it; before that `facts` is empty.
  void describe(const Job& job);

  const eval::Predictions& predictions() const { return predictions_; }
  const eval::Measures& metrics() const { return metrics_; }
  const eval::Measured& metric(const std::string& name) const {
    return eval::measured(metrics_, name);
  }
  double loss() const { return metric("loss").value; }
  /// Parts of a summary (Objective::describe).
  const Json& facts() const { return facts_; }
  int64_t samples() const { return predictions_.size(); }
  /// What making it took, beside the predictions.
  double seconds() const { return seconds_; }

 private:
  eval::Predictions predictions_;
  eval::Measures metrics_;
  Json facts_ = Json::object();
  double seconds_ = 0;
};

}  // namespace graft::train
