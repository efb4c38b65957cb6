#include <torch/types.h>

#include "graft/models/classifier.h"
#include "graft/models/dialects.h"
#include "graft/models/family.h"
#include "graft/models/vision_tower.h"
#include "graft/models/vit_names.h"

namespace graft::models {
namespace {

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  VisionTower tower{.path = "vit",
                    .patches = PatchSettings(c, 16),
                    .encoder = EncoderSettings(c, 1e-12),
                    .pool = {}};
  tower.encoder.inner = config_integer(c, "intermediate_size", 3072);
  tower.kept = 1;  // the class token
  tower.pool = [](const at::Tensor& tokens) { return nn::Flow("features", tokens.select(1, 0)); };
  add_vision_tower(model, tower);
  add_classifier(model, "classifier", tower.encoder.width, classes);
}

}  // namespace

Family vit() {
  Family f;
  f.name = "vit";
  f.summary = "Vision Transformer (ViT), tiny to huge; also DeiT without distillation";
  f.source = "Dosovitskiy et al. 2020, arXiv:2010.11929";
  f.model_types = {"vit"};
  f.architectures = {{Task::classes, "ViTForImageClassification"}};
  f.base_prefix = "vit.";
  f.build = build;
  f.init = init_encoder;
  f.read = vit_file_to_module();
  f.write = vit_module_to_file();
  f.adopt = adopt_vit;
  return f;
}

}  // namespace graft::models
