#include "graft/models/dinov2.h"

namespace graft::models {

Family dinov2_with_registers() {
  Family f = dinov2_family("dinov2_with_registers", true);
  f.summary = "DINOv2 with register tokens, which keep the attention maps clean";
  f.source = "Darcet et al. 2023, arXiv:2309.16588";
  f.architectures = {{Task::classes, "Dinov2WithRegistersForImageClassification"}};
  return f;
}

}  // namespace graft::models
