#pragma once

#include <vector>

#include "graft/models/family.h"

namespace graft::models {

/// Names of ViT and DeiT in files ("encoder.layer.0.attention.attention.query") ↔ in transformers 5
/// ("layers.0.attention.q_proj").
std::vector<Rename> vit_file_to_module();
std::vector<Rename> vit_module_to_file();

}  // namespace graft::models
