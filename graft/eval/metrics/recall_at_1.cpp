#include "graft/eval/metric.h"

namespace graft::eval {

Metric recall_at_1() {
  Metric m;
  m.name = "recall_at_1";
  m.summary =
      "share of texts whose own is the nearest of all candidates of the split (Recall@1); what is "
      "as near stands before it";
  m.targets = {Target::retrieval};
  m.proportion = true;
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    return recall_at(p, samples, 1);
  };
  return m;
}

}  // namespace graft::eval
