#include "graft/eval/correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace graft::eval {

Numbers numbers_of(const Predictions& p, const std::vector<int64_t>& samples) {
  Numbers numbers;
  for (const int64_t i : samples) {
    numbers.truth.push_back(p.values[static_cast<size_t>(i)]);
    numbers.said.push_back(p.row(i).front());
  }
  return numbers;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n;
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double together = 0;
  double of_a = 0;
  double of_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    together += (a[i] - mean_a) * (b[i] - mean_b);
    of_a += (a[i] - mean_a) * (a[i] - mean_a);
    of_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  // The mean of equal values may be off by a rounding, which is no spread.
  const auto constant = [](const std::vector<double>& v) {
    return std::all_of(v.begin(), v.end(), [&](double x) { return x == v.front(); });
  };
  if (constant(a) || constant(b)) return 0;
  const double spread = std::sqrt(of_a) * std::sqrt(of_b);
  return spread > 0 ? std::clamp(together / spread, -1.0, 1.0) : 0;
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t i, size_t j) { return values[i] < values[j]; });
  std::vector<double> result(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double shared = static_cast<double>(begin + 1 + end) / 2;
    for (size_t k = begin; k < end; ++k) result[order[k]] = shared;
    begin = end;
  }
  return result;
}

}  // namespace graft::eval
