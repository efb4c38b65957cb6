#include "graft/eval/metric.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/eval/box_ranking.h"

namespace graft::eval {

#define METRIC(name) Metric name();
#include "graft/eval/metrics.def"
#undef METRIC

namespace {

constexpr int kBoxDraws = 200;  // sorting out boxes takes longer than counting hits
constexpr uint64_t kBootstrapSeed = 20231;

}  // namespace

bool Metric::defined_for(Target target) const {
  return std::find(targets.begin(), targets.end(), target) != targets.end();
}

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all = {
#define METRIC(name) name(),
#include "graft/eval/metrics.def"
#undef METRIC
  };
  return all;
}

const Metric& find_metric(const std::string& name) {
  return find_in(metrics(), name, "metric");
}

Metric average_precision_metric(std::string name, std::string summary, size_t first, size_t last) {
  Metric m;
  m.name = std::move(name);
  m.summary = std::move(summary);
  m.source = "Lin et al. 2014 (COCO)";
  m.targets = {Target::boxes};
  m.draws = kBoxDraws;
  m.value = [first, last](const Predictions& p, const std::vector<int64_t>& samples) {
    return p.ranking->average_precision(samples, first, last);
  };
  return m;
}

std::pair<double, double> wilson_interval(double hits, double n) {
  if (n <= 0) return {0, 1};
  constexpr double kZ = 1.959963984540054;
  const double p = hits / n;
  const double centre = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
  const double half = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

Measured measure(const Metric& metric, const Predictions& p) {
  std::vector<int64_t> all(static_cast<size_t>(p.size()));
  std::iota(all.begin(), all.end(), int64_t{0});
  Measured m;
  if (all.empty()) return m;
  m.value = metric.value(p, all);
  const auto n = static_cast<double>(p.size());
  if (metric.proportion) {
    std::tie(m.low, m.high) = wilson_interval(m.value * n, n);
    return m;
  }
  Rng rng{kBootstrapSeed, static_cast<uint64_t>(p.size())};
  std::vector<double> values;
  std::vector<int64_t> drawn(all.size());
  for (int i = 0; i < metric.draws; ++i) {
    for (auto& index : drawn) index = static_cast<int64_t>(rng.below(all.size()));
    values.push_back(metric.value(p, drawn));
  }
  std::sort(values.begin(), values.end());
  m.low = values[static_cast<size_t>(metric.draws * 0.025)];
  m.high = values[static_cast<size_t>(metric.draws * 0.975) - 1];
  return m;
}

Measures measure_all(const Predictions& p) {
  Measures result;
  for (const Metric& metric : metrics()) {
    if (metric.defined_for(p.target)) result.emplace_back(metric.name, measure(metric, p));
  }
  return result;
}

const Measured& measured(const Measures& all, const std::string& metric) {
  const auto found = std::ranges::find(all, metric, [](const auto& entry) { return entry.first; });
  GRAFT_ASSERT(found != all.end());
  return found->second;
}

}  // namespace graft::eval
