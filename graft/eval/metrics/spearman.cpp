#include "graft/eval/correlation.h"
#include "graft/eval/metric.h"

namespace graft::eval {

Metric spearman() {
  Metric m;
  m.name = "spearman";
  m.summary =
      "correlation of the ranks of numbers and predictions, or of scores and cosines (Spearman), "
      "ties sharing theirs; 0 where one of them is constant";
  m.targets = {Target::regression, Target::similarity};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    const Numbers n = numbers_of(p, samples);
    return correlation(ranks(n.truth), ranks(n.said));
  };
  return m;
}

}  // namespace graft::eval
