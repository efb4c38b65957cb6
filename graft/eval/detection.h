#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "graft/base/json.h"
#include "graft/eval/box_match.h"
#include "graft/eval/precision_recall.h"

namespace graft::eval {

/// The twelve figures of COCO and average precision as Pascal VOC computes it, from 0 to 1. NaN
/// where there is no object of that kind; pycocotools says -1 there.
struct BoxFigures {
  static constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

  double ap = kUndefined;  ///< precision over recalls, overlaps 0.50 to 0.95, and classes
  double ap50 = kUndefined, ap75 = kUndefined;  ///< at that overlap alone
  double ap_small = kUndefined, ap_medium = kUndefined, ap_large = kUndefined;  ///< see SizeClass
  /// Recall with at most that many boxes of a class in a picture, over overlaps.
  double ar1 = kUndefined, ar10 = kUndefined, ar100 = kUndefined;
  double ar_small = kUndefined, ar_medium = kUndefined, ar_large = kUndefined;
  double voc07 = kUndefined, voc = kUndefined;  ///< at overlap 0.5: eleven points, all points

  /// Names and values in COCO's order: AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm,
  /// ARl; then VOC07 and VOC.
  std::vector<std::pair<std::string, double>> named() const;
};

/// What a figure of that name is, in a few words; "" for other names.
const char* figure_meaning(const std::string& name);

/// What is known of one class. Counts are of objects that must be found, and of boxes that count.
struct ClassBoxes {
  std::string name;
  int64_t objects = 0, found = 0;
  BoxFigures figures;
  WorkingPoint best;  ///< at overlap 0.5
};

struct BoxScores {
  int64_t images = 0, objects = 0, ignored = 0, found = 0;  ///< ignored: crowds and difficult ones
  BoxFigures figures;  ///< means over the classes that have such objects
  WorkingPoint best;   ///< at overlap 0.5, with one threshold for all classes
  std::vector<ClassBoxes> classes;
};

/// Numbers that are undefined become null.
Json to_json(const BoxScores& scores);

/// Measures boxes as COCO does (Lin et al. 2014), equal to pycocotools 2.0.11, and as Pascal VOC
/// does (Everingham et al. 2010). Pictures are added one by one and then forgotten; 40 bytes are
/// kept of each box that was found, and nothing of objects but their number.
///
///   DetectionMetric metric({"cat", "dog"});
///   for (…) metric.add(i, {objects_of(i), detector(picture(i))});
///   const double ap = metric.scores().figures.ap;
class DetectionMetric {
 public:
  explicit DetectionMetric(std::vector<std::string> classes);

  /// Boxes of one picture; labels are positions in `classes`. Between pictures, boxes with equal
  /// scores count in order of `image`, which names each picture once: COCO's order is by rising id.
  void add(int64_t image, const PictureBoxes& picture);

  BoxScores scores() const;
  /// BoxScores::best alone, which is far less work than all of them. NaN where no box is right.
  WorkingPoint best() const;
  /// Of one class at kOverlaps[overlap], with at most 100 boxes in a picture. All 0 where the class
  /// has no such object.
  PrecisionCurve curve(int label, size_t overlap = 0, SizeClass size = SizeClass::all) const;

 private:
  struct Kept {
    Verdict verdict;
    uint32_t picture;  ///< in the order of `add`
    uint16_t rank;     ///< among the boxes of its class and picture, from 0; 65535 and beyond alike
  };
  struct PerClass {
    std::vector<Kept> found;
    std::array<int64_t, kSizeClasses> objects{};  ///< that must be found
  };

  std::vector<const Kept*> by_score(const PerClass& one) const;
  ClassBoxes scores_of(size_t label) const;

  std::vector<std::string> names_;
  std::vector<PerClass> classes_;
  std::vector<int64_t> pictures_;
  int64_t ignored_ = 0;
};

}  // namespace graft::eval
