#include "graft/eval/metric.h"

namespace graft::eval {

Metric reward_margin() {
  Metric m;
  m.name = "reward_margin";
  m.summary =
      "mean of what the chosen answer of a pair gained in log-probability since the run began, "
      "less "
      "what the rejected one did, times train.dpo_beta";
  m.targets = {Target::preference};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double sum = 0;
    for (const int64_t i : samples) sum += p.margins[static_cast<size_t>(i)];
    return sum / static_cast<double>(samples.size());
  };
  return m;
}

}  // namespace graft::eval
