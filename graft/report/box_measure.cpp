#include "graft/report/box_measure.h"

#include <cmath>

#include "graft/report/lookup.h"

namespace graft::report {

BoxMeasure::BoxMeasure(const RunFolder& run, const std::string& split) : metric_(run.classes) {
  for (const BoxedPicture& picture : run.pictures) {
    if (picture.split != split) continue;
    metric_.add(static_cast<int64_t>(pictures_.size()), {picture.objects, picture.found});
    pictures_.push_back(&picture);
  }
  scores_ = metric_.scores();
  const double best = std::isfinite(scores_.best.threshold) ? scores_.best.threshold : 0.5;
  threshold_ = number_at(run.summary, {"detection", "threshold"}).value_or(best);
}

eval::BoxPairs BoxMeasure::pairs(const BoxedPicture& picture) const {
  return eval::pair_boxes(picture.objects, picture.found, threshold_);
}

}  // namespace graft::report
