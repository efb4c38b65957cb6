#include "graft/eval/metric.h"

namespace graft::eval {

Metric macro_f1() {
  Metric m;
  m.name = "macro_f1";
  m.summary = "mean of the classes' F1; a class that neither occurs nor is predicted is left out";
  m.targets = {Target::single_label, Target::multi_label};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    std::vector<double> hit(p.classes.size()), truth(p.classes.size()), said(p.classes.size());
    for (const int64_t i : samples) {
      if (p.multi_label()) {
        const auto scores = p.row(i);
        for (size_t c = 0; c < p.classes.size(); ++c) said[c] += scores[c] >= 0.5F;
        for (const int label : p.labels[static_cast<size_t>(i)]) {
          truth[static_cast<size_t>(label)] += 1;
          hit[static_cast<size_t>(label)] += scores[static_cast<size_t>(label)] >= 0.5F;
        }
      } else {
        const auto label = static_cast<size_t>(p.label(i));
        const auto predicted = static_cast<size_t>(p.predicted(i));
        truth[label] += 1;
        said[predicted] += 1;
        hit[label] += label == predicted;
      }
    }
    double sum = 0;
    double seen = 0;
    for (size_t c = 0; c < truth.size(); ++c) {
      if (truth[c] + said[c] == 0) continue;
      sum += 2 * hit[c] / (truth[c] + said[c]);
      seen += 1;
    }
    return seen > 0 ? sum / seen : 0;
  };
  return m;
}

}  // namespace graft::eval
