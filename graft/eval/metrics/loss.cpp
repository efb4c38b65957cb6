#include "graft/eval/metric.h"

namespace graft::eval {

Metric loss() {
  Metric m;
  m.name = "loss";
  m.summary = "mean cross entropy without smoothing or weights; mean squared error of numbers";
  m.higher_is_better = false;
  m.multi_label = true;
  m.regression = true;
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double sum = 0;
    for (const int64_t i : samples) sum += p.losses[static_cast<size_t>(i)];
    return sum / static_cast<double>(samples.size());
  };
  return m;
}

}  // namespace graft::eval
