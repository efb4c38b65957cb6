#include <algorithm>

#include "graft/eval/metric.h"

namespace graft::eval {

Metric mean_average_precision() {
  Metric m;
  m.name = "mean_average_precision";
  m.summary =
      "mean over classes of the area under precision against recall (every rank, no interpolation)";
  m.targets = {Target::multi_label};
  m.value = [](const Predictions& p, const std::vector<int64_t>& samples) {
    double sum = 0;
    double seen = 0;
    std::vector<std::pair<float, bool>> ranked(samples.size());
    for (size_t c = 0; c < p.classes.size(); ++c) {
      double positives = 0;
      for (size_t k = 0; k < samples.size(); ++k) {
        const auto& labels = p.labels[static_cast<size_t>(samples[k])];
        const bool truth =
            std::find(labels.begin(), labels.end(), static_cast<int>(c)) != labels.end();
        ranked[k] = {p.row(samples[k])[c], truth};
        positives += truth;
      }
      if (positives == 0) continue;
      // Ties count against us: the wrong ones come first.
      std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
      });
      double hits = 0;
      double area = 0;
      for (size_t k = 0; k < ranked.size(); ++k) {
        if (!ranked[k].second) continue;
        hits += 1;
        area += hits / static_cast<double>(k + 1);
      }
      sum += area / positives;
      seen += 1;
    }
    return seen > 0 ? sum / seen : 0;
  };
  return m;
}

}  // namespace graft::eval
