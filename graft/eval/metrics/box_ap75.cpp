#include "graft/eval/box_ranking.h"
#include "graft/eval/metric.h"

namespace graft::eval {

Metric box_ap75() {
  return average_precision_metric("AP75", "average precision of boxes at an overlap of 0.75", 5, 5);
}

}  // namespace graft::eval
