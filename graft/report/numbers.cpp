#include "graft/report/numbers.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "graft/report/chart.h"

namespace graft::report {
namespace {

constexpr size_t kBins = 10;
constexpr size_t kFewest = 30;

using Pairs = std::vector<std::pair<double, double>>;  // true, predicted

void add_bin(Series& series, Pairs::const_iterator begin, Pairs::const_iterator end) {
  const auto n = static_cast<double>(end - begin);
  double x = 0;
  double y = 0;
  double square = 0;
  for (auto pair = begin; pair != end; ++pair) {
    x += pair->first / n;
    y += pair->second / n;
    square += pair->second * pair->second / n;
  }
  const double spread = std::sqrt(std::max(0.0, square - y * y));
  series.points.push_back({x, y});
  series.band.push_back({y - spread, y + spread});
}

}  // namespace

std::string numbers_chart(const RunFolder& run, const std::string& split) {
  Pairs pairs;
  for (const Prediction& sample : run.predictions) {
    if (sample.split == split && std::isfinite(sample.value) && std::isfinite(sample.said))
      pairs.emplace_back(sample.value, sample.said);
  }
  if ((!run.regression && !run.pairs) || pairs.size() < kFewest) return "";
  std::sort(pairs.begin(), pairs.end());
  Series found{.name = "predicted", .points = {}, .color = 0};
  found.dots = true;
  for (size_t bin = 0; bin < kBins; ++bin) {
    const auto at = [&](size_t part) {
      return pairs.cbegin() + static_cast<std::ptrdiff_t>(part * pairs.size() / kBins);
    };
    add_bin(found, at(bin), at(bin + 1));
  }
  const double low = pairs.front().first;
  const double high = pairs.back().first;
  Series ideal{.name = "as it is", .points = {{low, low}, {high, high}}, .color = 7};
  ideal.stroke = Stroke::dashed;
  LineChart chart;
  chart.title = run.pairs ? "Cosine against score" : "Predicted against true";
  chart.note = "mean of each tenth of the samples, ± a standard deviation";
  chart.x_label = run.pairs ? "score" : "true number";
  // A cosine need not be the score to be in its order.
  if (!run.pairs) chart.series.push_back(ideal);
  chart.series.push_back(found);
  return render(chart);
}

}  // namespace graft::report
