#pragma once

#include <cstdint>
#include <vector>

#include "graft/eval/box_match.h"
#include "graft/eval/precision_recall.h"

namespace graft::eval {

/// Boxes of many pictures, judged once, so that average precision can be taken over many draws of
/// those pictures (bootstrap). Over all of them, in their order, it is DetectionMetric's.
class BoxRanking {
 public:
  BoxRanking(size_t classes, const std::vector<PictureBoxes>& pictures);

  /// COCO's AP over classes and over kOverlaps[first] to kOverlaps[last], from 0 to 1; a picture
  /// may be drawn several times (boxes of equal score then count box by box, not copy by copy). 0
  /// where no drawn picture has an object.
  double average_precision(const std::vector<int64_t>& pictures, size_t first, size_t last) const;

 private:
  struct Judged {
    double score;
    uint32_t picture;
    uint16_t rank;          // in its picture
    uint16_t hit, ignored;  // a bit for each of kOverlaps
  };
  struct PerClass {
    std::vector<Judged> found;      // by falling score
    std::vector<uint32_t> objects;  // pictures, one entry an object that must be found
  };
  std::vector<PerClass> classes_;
  size_t pictures_;
};

}  // namespace graft::eval
