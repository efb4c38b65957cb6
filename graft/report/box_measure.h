#pragma once

#include <string>
#include <vector>

#include "graft/eval/box_pairs.h"
#include "graft/eval/detection.h"
#include "graft/report/run_folder.h"

namespace graft::report {

/// What the pictures of one split amount to.
class BoxMeasure {
 public:
  BoxMeasure(const RunFolder& run, const std::string& split);

  const std::vector<const BoxedPicture*>& pictures() const { return pictures_; }
  const eval::DetectionMetric& metric() const { return metric_; }
  const eval::BoxScores& scores() const { return scores_; }
  /// The score from which on boxes are kept: the run's own, else the one with the best F1 here,
  /// else 0.5.
  double threshold() const { return threshold_; }
  /// At that score.
  eval::BoxPairs pairs(const BoxedPicture& picture) const;

 private:
  std::vector<const BoxedPicture*> pictures_;
  eval::DetectionMetric metric_;
  eval::BoxScores scores_;
  double threshold_;
};

}  // namespace graft::report
