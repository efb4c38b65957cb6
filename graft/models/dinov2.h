#pragma once

#include <string>

#include "graft/models/family.h"

namespace graft::models {

/// DINOv2 under `model_type` ("dinov2", "dinov2_with_registers"), which is also the path of its
/// tensors. With registers (Darcet et al. 2023, arXiv:2309.16588) it holds extra tokens.
Family dinov2_family(const std::string& model_type, bool registers);

}  // namespace graft::models
