#include "graft/eval/correlation.h"
#include "graft/eval/metric.h"

namespace graft::eval {

Metric spearman() {
  Metric m;
  m.name = "spearman";
  m.summary =
      "correlation of the ranks of numbers and predictions (Spearman), ties sharing theirs; 0 "
      "where one of them is constant";
  m.single_label = false;
  m.regression = true;
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    std::vector<double> truth, said;
    for (const int64_t i : samples) {
      truth.push_back(p.values[static_cast<size_t>(i)]);
      said.push_back(p.row(i).front());
    }
    return correlation(ranks(truth), ranks(said));
  };
  return m;
}

}  // namespace graft::eval
