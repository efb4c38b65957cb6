#include "graft/eval/metric.h"

namespace graft::eval {

Metric top5() {
  Metric m;
  m.name = "top5";
  m.summary = "share of samples whose label is among the five highest scores";
  m.proportion = true;
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double hits = 0;
    for (const int64_t i : samples) {
      const auto scores = p.row(i);
      const float mine = scores[static_cast<size_t>(p.label(i))];
      int above = 0;
      for (size_t c = 0; c < scores.size(); ++c) {
        above += scores[c] > mine || (scores[c] == mine && static_cast<int>(c) < p.label(i));
      }
      hits += above < 5;
    }
    return hits / static_cast<double>(samples.size());
  };
  return m;
}

}  // namespace graft::eval
