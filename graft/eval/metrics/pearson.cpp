#include "graft/eval/correlation.h"
#include "graft/eval/metric.h"

namespace graft::eval {

Metric pearson() {
  Metric m;
  m.name = "pearson";
  m.summary =
      "linear correlation of numbers and predictions, or of scores and cosines (Pearson); 0 where "
      "one "
      "of them is constant";
  m.targets = {Target::regression, Target::similarity};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    const Numbers n = numbers_of(p, samples);
    return correlation(n.truth, n.said);
  };
  return m;
}

}  // namespace graft::eval
