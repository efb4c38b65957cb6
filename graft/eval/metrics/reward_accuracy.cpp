#include "graft/eval/metric.h"

namespace graft::eval {

Metric reward_accuracy() {
  Metric m;
  m.name = "reward_accuracy";
  m.summary = "share of pairs whose chosen answer gained more than the rejected one; a tie is half";
  m.targets = {Target::preference};
  m.proportion = true;
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double right = 0;
    for (const int64_t i : samples) {
      const float margin = p.margins[static_cast<size_t>(i)];
      right += margin > 0 ? 1 : margin == 0 ? 0.5 : 0;
    }
    return right / static_cast<double>(samples.size());
  };
  return m;
}

}  // namespace graft::eval
