#pragma once

#include <vector>

#include "graft/io/tensor_map.h"
#include "graft/models/resnet_tower.h"

/// The ResNet below DETR and its relatives.
namespace graft::models {

struct Family;

/// What config["backbone_config"] asks for: a ResNet with fixed norms, in transformers' names
/// ("resnet") or timm's ("timm_backbone"), at "model.backbone.model".
struct DetrBackbone {
  ResNetTower tower;
  /// The stages whose maps are read, ascending, the first is 0; the last of them ends the ResNet.
  std::vector<int64_t> stages;
  /// Channels of a stage's map.
  int64_t channels(int64_t stage) const;
};

/// Where the config names no stages, several levels read the last three and one the last. Another
/// backbone, dilation, and stages that do not end with the last are errors (exit code 3).
DetrBackbone detr_backbone(const Json& config, bool several_levels);

/// Older configs name the backbone beside all else; absent, it is timm's ResNet-50. And pictures
/// are prepared by transformers' `processor`, where nothing else says it.
void complete_detr(Json& config, const char* processor);

/// What files call otherwise than the modules here: the backbone, and layers of the transformer.
void add_detr_names(Family& family);

/// Fixed norms count no batches, but files of other libraries' backbones have the numbers.
void drop_batch_counts(io::TensorMap& tensors);

}  // namespace graft::models
