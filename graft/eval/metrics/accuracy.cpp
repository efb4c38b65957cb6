#include "graft/eval/metric.h"

namespace graft::eval {

Metric accuracy() {
  Metric m;
  m.name = "accuracy";
  m.summary = "share of samples whose highest score is the label";
  m.proportion = true;
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double hits = 0;
    for (const int64_t i : samples) hits += p.predicted(i) == p.label(i);
    return hits / static_cast<double>(samples.size());
  };
  return m;
}

}  // namespace graft::eval
