#include "graft/models/rt_detr/family.h"

namespace graft::models {

Family rt_detr_v2() {
  Family f = rtdetr::family_of(rtdetr::Kind::rt_detr_v2);
  f.name = "rt_detr_v2";
  f.summary = "RT-DETR v2: finds each object once, in real time, on a ResNet-vd";
  f.source = "Lv et al. 2024, arXiv:2407.17140; Zhao et al. 2023, arXiv:2304.08069";
  f.model_types = {"rt_detr_v2"};
  f.architectures = {{Task::boxes, "RTDetrV2ForObjectDetection"}};
  return f;
}

}  // namespace graft::models
