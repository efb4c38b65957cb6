#include "graft/eval/metric.h"

namespace graft::eval {

Metric recall_at_10() {
  Metric m;
  m.name = "recall_at_10";
  m.summary =
      "share of texts whose own is among the ten nearest of all candidates of the split "
      "(Recall@10)";
  m.targets = {Target::retrieval};
  m.proportion = true;
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    return recall_at(p, samples, 10);
  };
  return m;
}

}  // namespace graft::eval
