#include "graft/eval/box_ranking.h"
#include "graft/eval/metric.h"

namespace graft::eval {

Metric box_ap50() {
  return average_precision_metric("AP50", "average precision of boxes at an overlap of 0.50", 0, 0);
}

}  // namespace graft::eval
