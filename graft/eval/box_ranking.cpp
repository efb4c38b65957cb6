#include "graft/eval/box_ranking.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "graft/base/error.h"

namespace graft::eval {
namespace {

constexpr size_t kMostBoxes = 100;  // of a class in a picture that COCO looks at

/// What is right of the boxes down to one that is.
struct Point {
  int64_t hits, boxes;
};

/// The mean of precision_curve (precision_recall.h), which only boxes that are right decide:
/// between two of them precision falls.
double average(const std::vector<Point>& points, int64_t objects) {
  double sum = 0, best = 0;
  size_t at = points.size();
  for (size_t r = PrecisionCurve::kPoints; r > 0; --r) {
    const double least = PrecisionCurve::recall(r - 1);
    const auto recall = [&](const Point& p) {
      return static_cast<double>(p.hits) / static_cast<double>(objects);
    };
    for (; at > 0 && recall(points[at - 1]) >= least; --at) {
      const Point& p = points[at - 1];
      best = std::max(best, static_cast<double>(p.hits) / (static_cast<double>(p.boxes) +
                                                           std::numeric_limits<double>::epsilon()));
    }
    sum += best;
  }
  return sum / PrecisionCurve::kPoints;
}

}  // namespace

BoxRanking::BoxRanking(size_t classes, const std::vector<PictureBoxes>& pictures)
    : classes_(classes), pictures_(pictures.size()) {
  for (size_t i = 0; i < pictures.size(); ++i) {
    const auto picture = static_cast<uint32_t>(i);
    for (const auto& [label, part] : pictures[i].by_class()) {
      PerClass& one = classes_.at(static_cast<size_t>(label));
      for (const TrueBox& object : part.truth) {
        if (object.must_be_found() && kAreaRanges[0].contains(object.area))
          one.objects.push_back(picture);
      }
      std::vector<Verdict> verdicts = judge(part.truth, part.found);
      verdicts.resize(std::min(verdicts.size(), kMostBoxes));
      for (uint16_t rank = 0; rank < verdicts.size(); ++rank) {
        const Verdict& v = verdicts[rank];
        one.found.push_back({v.score, picture, rank, v.hit[0], v.ignored[0]});
      }
    }
  }
  for (PerClass& one : classes_) {
    std::sort(one.found.begin(), one.found.end(), [](const Judged& a, const Judged& b) {
      return std::tuple(-a.score, a.picture, a.rank) < std::tuple(-b.score, b.picture, b.rank);
    });
  }
}

double BoxRanking::average_precision(const std::vector<int64_t>& pictures, size_t first,
                                     size_t last) const {
  GRAFT_ASSERT(first <= last && last < kOverlaps.size());
  std::vector<int64_t> times(pictures_, 0);
  for (const int64_t picture : pictures) ++times[static_cast<size_t>(picture)];
  double sum = 0;
  int64_t measured = 0;
  std::vector<Point> points;
  for (const PerClass& one : classes_) {
    int64_t objects = 0;
    for (const uint32_t picture : one.objects) objects += times[picture];
    if (objects == 0) continue;
    for (size_t overlap = first; overlap <= last; ++overlap) {
      points.clear();
      int64_t hits = 0, boxes = 0;
      for (const Judged& box : one.found) {
        const int64_t drawn = box.ignored >> overlap & 1U ? 0 : times[box.picture];
        boxes += drawn;
        if (drawn == 0 || !(box.hit >> overlap & 1U)) continue;
        hits += drawn;
        points.push_back({hits, boxes});
      }
      sum += average(points, objects);
      ++measured;
    }
  }
  return measured > 0 ? sum / static_cast<double>(measured) : 0;
}

}  // namespace graft::eval
