#include "graft/models/rcnn/body.h"

#include <torch/types.h>

#include <cmath>

namespace graft::models {
namespace {

constexpr const char* kBody = "backbone.body";
constexpr const char* kPyramid = "backbone.fpn";

}  // namespace

void add_body(Model& model, const BodySettings& settings, int64_t first, PyramidTop top) {
  ResNetTower tower;
  tower.path = kBody;
  tower.names = ResNetNames::torchvision;
  tower.settings = settings.resnet;
  std::vector<int64_t> widths;
  for (auto stage = first; stage < static_cast<int64_t>(settings.resnet.widths.size()); ++stage) {
    tower.maps.push_back(stage);
    widths.push_back(settings.resnet.widths[static_cast<size_t>(stage)]);
  }
  // What is needed further up is among the maps.
  tower.end = [](const at::Tensor& /*map*/) { return nn::Flow(); };
  add_resnet(model, tower);
  model.add<Pyramid>("pyramid", Span::neck, kPyramid, tower.maps, widths, settings.channels, top);
}

void init_body(Model& model, const nn::Init& random) {
  init_resnet(model, random);
  for (auto& p : model.registry().parameters) {
    if (p.role != nn::Role::weight || !p.name.starts_with(kPyramid)) continue;
    const auto fan_in = static_cast<double>(p.value->numel() / p.value->size(0));
    random.uniform(p.name, *p.value, std::sqrt(3 / fan_in));
  }
}

std::vector<Rename> old_pyramid_names() {
  return {{R"(^backbone\.fpn\.(inner|layer)_blocks\.(\d+)\.(weight|bias)$)",
           "backbone.fpn.$1_blocks.$2.0.$3"}};
}

}  // namespace graft::models
