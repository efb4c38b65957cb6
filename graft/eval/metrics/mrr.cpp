#include "graft/eval/metric.h"

namespace graft::eval {

Metric mrr() {
  Metric m;
  m.name = "mrr";
  m.summary =
      "mean reciprocal rank of each text's own among all candidates of the split, the nearest "
      "first";
  m.source = "Voorhees 1999, TREC-8 question answering";
  m.targets = {Target::retrieval};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double sum = 0;
    for (const int64_t i : samples) sum += 1 / static_cast<double>(p.ranks[static_cast<size_t>(i)]);
    return sum / static_cast<double>(samples.size());
  };
  return m;
}

}  // namespace graft::eval
