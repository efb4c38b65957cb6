#include "graft/eval/precision_recall.h"

#include <algorithm>
#include <numeric>

namespace graft::eval {
namespace {

/// Precision and recall when the first 1, 2 … boxes are kept.
struct Points {
  std::vector<double> precision, recall;

  Points(const std::vector<Scored>& scored, int64_t objects) {
    int64_t hits = 0;
    for (size_t i = 0; i < scored.size(); ++i) {
      hits += scored[i].hit;
      // COCO keeps the denominator off 0 like this; it shows in the last bit.
      precision.push_back(static_cast<double>(hits) /
                          (static_cast<double>(i + 1) + std::numeric_limits<double>::epsilon()));
      recall.push_back(static_cast<double>(hits) / static_cast<double>(objects));
    }
  }

  /// Precision never rises with recall: the best of what lies beyond counts.
  void make_monotonic() {
    for (size_t i = precision.size(); i > 1; --i)
      precision[i - 2] = std::max(precision[i - 2], precision[i - 1]);
  }

  /// The first point whose recall is at least `least`; size() when there is none.
  size_t reaching(double least) const {
    return static_cast<size_t>(std::lower_bound(recall.begin(), recall.end(), least) -
                               recall.begin());
  }
};

}  // namespace

double PrecisionCurve::average() const {
  return std::accumulate(precision.begin(), precision.end(), 0.0) / kPoints;
}

PrecisionCurve precision_curve(const std::vector<Scored>& scored, int64_t objects) {
  Points points(scored, objects);
  points.make_monotonic();
  PrecisionCurve curve;
  for (size_t r = 0; r < PrecisionCurve::kPoints; ++r) {
    const size_t at = points.reaching(PrecisionCurve::recall(r));
    if (at == scored.size()) break;
    curve.precision[r] = points.precision[at];
    curve.score[r] = scored[at].score;
  }
  return curve;
}

double eleven_point_precision(const std::vector<Scored>& scored, int64_t objects) {
  Points points(scored, objects);
  points.make_monotonic();
  double sum = 0;
  for (int r = 0; r <= 10; ++r) {
    const size_t at = points.reaching(r / 10.0);
    if (at < scored.size()) sum += points.precision[at];
  }
  return sum / 11;
}

double all_point_precision(const std::vector<Scored>& scored, int64_t objects) {
  Points points(scored, objects);
  points.make_monotonic();
  double area = 0;
  double before = 0;
  for (size_t i = 0; i < scored.size(); ++i) {
    area += (points.recall[i] - before) * points.precision[i];
    before = points.recall[i];
  }
  return area;
}

WorkingPoint best_f1(const std::vector<Scored>& scored, int64_t objects) {
  WorkingPoint best;
  int64_t hits = 0;
  for (size_t i = 0; i < scored.size(); ++i) {
    hits += scored[i].hit;
    // Equal scores are kept or dropped together.
    if (i + 1 < scored.size() && scored[i + 1].score == scored[i].score) continue;
    if (hits == 0) continue;
    const auto kept = static_cast<int64_t>(i + 1);
    const double f1 = 2.0 * static_cast<double>(hits) / static_cast<double>(kept + objects);
    if (f1 <= best.f1) continue;  // not so while best.f1 is NaN
    best = {scored[i].score, static_cast<double>(hits) / static_cast<double>(kept),
            static_cast<double>(hits) / static_cast<double>(objects), f1};
  }
  return best;
}

}  // namespace graft::eval
