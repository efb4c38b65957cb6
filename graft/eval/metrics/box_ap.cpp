#include "graft/eval/box_ranking.h"
#include "graft/eval/metric.h"

namespace graft::eval {

Metric box_ap() {
  return average_precision_metric(
      "AP", "average precision of boxes over overlaps 0.50 to 0.95 and classes, as COCO has it", 0,
      9);
}

}  // namespace graft::eval
