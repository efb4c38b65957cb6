#pragma once

#include <string>
#include <vector>

#include "graft/models/model.h"

namespace graft::models::rtdetr {

/// A map that a backbone hands on.
struct Level {
  std::string name;  ///< in the flow
  int64_t channels;
  int64_t stride;  ///< pixels of the picture a step
};

/// Appends the backbone that "backbone_config" of the model's config says: rt_detr_resnet or
/// hgnet_v2, with norms that never move where freeze_backbone_batch_norms says so, which is usual.
/// Behind its last block only its maps flow. Others are an error (exit code 3).
std::vector<Level> add_backbone(Model& model);

/// The maps of that backbone, from fine to coarse, without building it.
std::vector<Level> backbone_levels(const Json& config);

/// As its authors initialise it.
void init_backbone(Model& model, const nn::Init& random);

}  // namespace graft::models::rtdetr
