#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "graft/base/catalog.h"
#include "graft/eval/predictions.h"

namespace graft::eval {

/// All graft knows about a metric. metrics/<name>.cpp makes one, metrics.def lists it.
struct Metric : Entry {
  bool higher_is_better = true;
  std::vector<Target> targets = {Target::single_label};  ///< what it is defined for
  bool defined_for(Target target) const;
  /// The value over a subset of the samples, which may name one several times (bootstrap).
  std::function<double(const Predictions& p, const std::vector<int64_t>& samples)> value;
  /// True when the value is a share of samples: its interval is then Wilson's, else a bootstrap's.
  bool proportion = false;
  int draws = 1000;  ///< of the bootstrap
};

/// COCO's AP over kOverlaps[first] to kOverlaps[last] (box_match.h).
Metric average_precision_metric(std::string name, std::string summary, size_t first, size_t last);

const std::vector<Metric>& metrics();
const Metric& find_metric(const std::string& name);

/// A value with its 95 % interval.
struct Measured {
  double value = 0, low = 0, high = 0;
};

/// Wilson score interval (1927) of `hits` out of `n` at 95 %; [0, 1] when n is 0.
std::pair<double, double> wilson_interval(double hits, double n);

/// Value and interval; the bootstrap has a fixed seed.
Measured measure(const Metric& metric, const Predictions& predictions);
/// Metrics by name.
using Measures = std::vector<std::pair<std::string, Measured>>;
/// Every metric that is defined for the task, in catalogue order.
Measures measure_all(const Predictions& predictions);
/// The one of a metric that is defined for the task.
const Measured& measured(const Measures& all, const std::string& metric);

}  // namespace graft::eval
