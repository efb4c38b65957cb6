#include "graft/models/rt_detr/family.h"

namespace graft::models {

Family d_fine() {
  Family f = rtdetr::family_of(rtdetr::Kind::d_fine);
  f.name = "d_fine";
  f.summary = "D-FINE: RT-DETR whose edges are distributions that layers refine, on an HGNetV2";
  f.source = "Peng et al. 2024, arXiv:2410.13842";
  f.model_types = {"d_fine"};
  f.architectures = {{Task::boxes, "DFineForObjectDetection"}};
  return f;
}

}  // namespace graft::models
