#include "graft/eval/metric.h"

namespace graft::eval {

Metric micro_f1() {
  Metric m;
  m.name = "micro_f1";
  m.summary = "F1 over all (sample, class) decisions at 0.5";
  m.targets = {Target::multi_label};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double hit = 0;
    double both = 0;
    for (const int64_t i : samples) {
      const auto scores = p.row(i);
      for (size_t c = 0; c < p.classes.size(); ++c) both += scores[c] >= 0.5F;
      for (const int label : p.labels[static_cast<size_t>(i)]) {
        both += 1;
        hit += scores[static_cast<size_t>(label)] >= 0.5F;
      }
    }
    return both > 0 ? 2 * hit / both : 0;
  };
  return m;
}

}  // namespace graft::eval
