#include <torch/types.h>

#include <cmath>

#include "graft/models/classifier.h"
#include "graft/models/dialects.h"
#include "graft/models/family.h"
#include "graft/models/resnet_tower.h"

namespace graft::models {
namespace {

void build(Model& model, int64_t classes) {
  ResNetTower tower;
  tower.path = "resnet";
  tower.settings = ResNetSettings(model.config());
  tower.end = [](const at::Tensor& map) { return nn::Flow("features", map.mean({2, 3})); };
  add_resnet(model, tower);
  add_classifier(model, "classifier.1", tower.settings.widths.back(), classes);
}

void init(Model& model, const nn::Init& random) {
  init_resnet(model, random);
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::weight && p.value->dim() == 2)
      random.uniform(p.name, *p.value, 1 / std::sqrt(static_cast<double>(p.value->size(1))));
  }
}

}  // namespace

Family resnet() {
  Family f;
  f.name = "resnet";
  f.summary = "ResNet 18 to 152 (v1.5), basic or bottleneck layers";
  f.source = "He et al. 2015, arXiv:1512.03385";
  f.model_types = {"resnet"};
  f.architectures = {{Task::classes, "ResNetForImageClassification"}};
  f.base_prefix = "resnet.";
  f.build = build;
  f.init = init;
  f.adopt = adopt_resnet;
  return f;
}

}  // namespace graft::models
