#include "graft/eval/metric.h"

namespace graft::eval {

Metric balanced_accuracy() {
  Metric m;
  m.name = "balanced_accuracy";
  m.summary = "mean of the classes' recalls; classes without samples are left out";
  m.source = "Brodersen et al. 2010";
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    std::vector<double> hits(p.classes.size()), counts(p.classes.size());
    for (const int64_t i : samples) {
      counts[static_cast<size_t>(p.label(i))] += 1;
      hits[static_cast<size_t>(p.label(i))] += p.predicted(i) == p.label(i);
    }
    double sum = 0;
    double seen = 0;
    for (size_t c = 0; c < counts.size(); ++c) {
      if (counts[c] == 0) continue;
      sum += hits[c] / counts[c];
      seen += 1;
    }
    return seen > 0 ? sum / seen : 0;
  };
  return m;
}

}  // namespace graft::eval
