#include "graft/models/dinov2.h"

namespace graft::models {

Family dinov2() {
  Family f = dinov2_family("dinov2", false);
  f.summary = "DINOv2: self-supervised ViT, small to giant; strong features for a linear head";
  f.source = "Oquab et al. 2023, arXiv:2304.07193";
  f.architectures = {{Task::classes, "Dinov2ForImageClassification"}};
  return f;
}

}  // namespace graft::models
