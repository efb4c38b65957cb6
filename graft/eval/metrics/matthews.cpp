#include <cmath>

#include "graft/eval/metric.h"

namespace graft::eval {

/// Gorodkin 2004 (doi:10.1016/j.compbiolchem.2004.09.006), as scikit-learn computes it.
Metric matthews() {
  Metric m;
  m.name = "matthews";
  m.summary =
      "correlation of labels and predictions (Matthews), of two classes or more; 0 where "
      "one of them is constant";
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    std::vector<double> truth(p.classes.size()), said(p.classes.size());
    double hits = 0;
    for (const int64_t i : samples) {
      truth[static_cast<size_t>(p.label(i))] += 1;
      said[static_cast<size_t>(p.predicted(i))] += 1;
      hits += p.predicted(i) == p.label(i);
    }
    const auto n = static_cast<double>(samples.size());
    double together = hits * n;
    double of_truth = n * n;
    double of_said = n * n;
    for (size_t c = 0; c < truth.size(); ++c) {
      together -= truth[c] * said[c];
      of_truth -= truth[c] * truth[c];
      of_said -= said[c] * said[c];
    }
    const double spread = std::sqrt(of_truth) * std::sqrt(of_said);
    return spread > 0 ? together / spread : 0;
  };
  return m;
}

}  // namespace graft::eval
