#include "graft/models/rt_detr/backbone.h"

#include <torch/types.h>

#include <algorithm>
#include <optional>

#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/models/hgnet_v2.h"
#include "graft/models/resnet_tower.h"

namespace graft::models::rtdetr {
namespace {

constexpr const char* kKey = "backbone_config";
constexpr const char* kPath = "model.backbone.model";

struct Stage {
  int64_t channels, stride;
};

/// One of the two kinds, as the config says it.
struct Backbone {
  explicit Backbone(const Json& config);
  std::optional<ResNetSettings> resnet;
  std::optional<HgNetSettings> hgnet;
  std::vector<Stage> stages;
  std::vector<int64_t> maps;  ///< stages that are handed on
};

std::vector<Stage> stages_of(const ResNetSettings& s) {
  std::vector<Stage> stages;
  int64_t stride = 4;  // stem and pooling
  for (size_t i = 0; i < s.widths.size(); ++i) {
    if (i > 0 || s.first_strides) stride *= 2;
    stages.push_back({s.widths[i], stride});
  }
  return stages;
}

std::vector<Stage> stages_of(const HgNetSettings& s) {
  // The two narrow convolutions of the stem keep the size that the pooling beside them has.
  int64_t stride = s.stem_strides[0] * s.stem_strides[3] * s.stem_strides[4];
  std::vector<Stage> stages;
  for (const HgNetSettings::Stage& stage : s.stages)
    stages.push_back({stage.out, stride *= stage.stride});
  return stages;
}

/// transformers counts the stem as 0 and calls the stages stage1, stage2, …
std::vector<int64_t> maps_of(const Json& backbone, size_t stages) {
  std::vector<int64_t> maps;
  const Json names = backbone.value("out_features", Json());
  if (names.is_array()) {
    for (size_t i = 0; i < stages; ++i) {
      if (std::ranges::find(names, Json(fmt::format("stage{}", i + 1))) != names.end())
        maps.push_back(static_cast<int64_t>(i));
    }
    if (maps.size() == names.size() && !maps.empty()) return maps;
    fail_unreadable("config.json: {}.out_features must name stages from stage1 to stage{}, got {}",
                    kKey, stages, names.dump());
  }
  for (const int64_t index : config_integers(backbone, "out_indices", {2, 3, 4})) {
    if (index < 1 || index > static_cast<int64_t>(stages))
      fail_unreadable("config.json: {}.out_indices must be from 1 to {}, the stages, got {}", kKey,
                      stages, index);
    maps.push_back(index - 1);
  }
  std::ranges::sort(maps);
  return maps;
}

Backbone::Backbone(const Json& config) {
  const Json own = config.value(kKey, Json());
  const bool fine = config_text(config, "model_type", "") == "d_fine";
  const Json backbone = own.is_object() ? own : Json::object();
  const std::string type =
      config_text(backbone, "model_type", fine ? "hgnet_v2" : "rt_detr_resnet");
  const nn::NormKind norm = config_flag(config, "freeze_backbone_batch_norms", true)
                                ? nn::NormKind::frozen
                                : nn::NormKind::batch;
  if (type == "rt_detr_resnet") {
    resnet.emplace(backbone);
    resnet->vd = true;
    resnet->norm = norm;
    stages = stages_of(*resnet);
  } else if (type == "hgnet_v2") {
    hgnet.emplace(backbone);
    hgnet->norm = norm;
    stages = stages_of(*hgnet);
  } else {
    fail_unreadable(
        "config.json: {} has the model_type '{}'; such a detector stands on rt_detr_resnet or "
        "hgnet_v2",
        kKey, type);
  }
  maps = maps_of(backbone, stages.size());
}

std::vector<Level> levels_of(const Backbone& backbone) {
  std::vector<Level> levels;
  for (const int64_t map : backbone.maps) {
    const Stage& stage = backbone.stages[static_cast<size_t>(map)];
    levels.push_back({fmt::format("map{}", map), stage.channels, stage.stride});
  }
  return levels;
}

}  // namespace

std::vector<Level> backbone_levels(const Json& config) {
  return levels_of(Backbone(config));
}

std::vector<Level> add_backbone(Model& model) {
  const Backbone backbone(model.config());
  if (backbone.resnet) {
    ResNetTower tower;
    tower.path = kPath;
    tower.settings = *backbone.resnet;
    tower.maps = backbone.maps;
    tower.end = [](const at::Tensor&) { return nn::Flow(); };
    add_resnet(model, tower);
  } else {
    add_hgnet_v2(model, {kPath, *backbone.hgnet, backbone.maps});
  }
  return levels_of(backbone);
}

void init_backbone(Model& model, const nn::Init& random) {
  for (auto& p : model.registry().parameters) {
    if (p.name.starts_with(kPath) && p.value->dim() == 4) random.kaiming_normal(p.name, *p.value);
  }
}

}  // namespace graft::models::rtdetr
