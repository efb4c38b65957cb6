#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace graft::eval {

/// A box that counts: its score, and whether it is right.
struct Scored {
  double score = 0;
  bool hit = false;
};

/// Precision over recall, as COCO reads it: at the recalls 0, 0.01 … 1 the best precision that is
/// reached there or beyond, and the lowest score with which it is; both 0 where it never is.
struct PrecisionCurve {
  static constexpr size_t kPoints = 101;
  static double recall(size_t point) { return static_cast<double>(point) * 0.01; }

  std::array<double, kPoints> precision{};
  std::array<double, kPoints> score{};
  /// The mean of `precision`.
  double average() const;
};

/// All functions take what counts in order of falling score, and how many objects there are
/// (at least one).
PrecisionCurve precision_curve(const std::vector<Scored>& scored, int64_t objects);

/// Average precision of Pascal VOC: the mean at the recalls 0, 0.1 … 1 (VOC 2007), and the area
/// below the curve (from VOC 2010 on).
double eleven_point_precision(const std::vector<Scored>& scored, int64_t objects);
double all_point_precision(const std::vector<Scored>& scored, int64_t objects);

/// What is right when boxes with at least `threshold` as score are kept. All NaN where no box
/// is right.
struct WorkingPoint {
  double threshold = std::numeric_limits<double>::quiet_NaN();
  double precision = threshold, recall = threshold, f1 = threshold;
};
/// The threshold with the highest F1; of equal ones the highest. It is always the score of a box.
WorkingPoint best_f1(const std::vector<Scored>& scored, int64_t objects);

}  // namespace graft::eval
