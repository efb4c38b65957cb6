#include <cmath>

#include "graft/eval/metric.h"

namespace graft::eval {

Metric mae() {
  Metric m;
  m.name = "mae";
  m.summary = "mean absolute error of predicted numbers";
  m.higher_is_better = false;
  m.targets = {Target::regression};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double sum = 0;
    for (const int64_t i : samples)
      sum += std::abs(static_cast<double>(p.values[static_cast<size_t>(i)]) - p.row(i).front());
    return sum / static_cast<double>(samples.size());
  };
  return m;
}

}  // namespace graft::eval
