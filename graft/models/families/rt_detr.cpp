#include "graft/models/rt_detr/family.h"

namespace graft::models {

Family rt_detr() {
  Family f = rtdetr::family_of(rtdetr::Kind::rt_detr);
  f.name = "rt_detr";
  f.summary = "RT-DETR: finds each object once, in real time, on a ResNet-vd";
  f.source = "Zhao et al. 2023, arXiv:2304.08069";
  f.model_types = {"rt_detr"};
  f.architectures = {{Task::boxes, "RTDetrForObjectDetection"}};
  return f;
}

}  // namespace graft::models
