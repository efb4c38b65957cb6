#include "graft/models/detr/backbone.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/models/family.h"

namespace graft::models {
namespace {

constexpr const char* kKey = "backbone_config";
constexpr int kUsualSide = 640;  // of pictures, where nothing says it

/// What out_features ("stage2"; timm: "layer2") or out_indices (0 is the stem) give.
std::vector<int64_t> given_stages(const Json& backbone) {
  std::vector<int64_t> stages;
  const Json names = backbone.value("out_features", Json());
  if (names.is_array()) {
    for (const Json& name : names) {
      const std::string text = name.is_string() ? name.get<std::string>() : "";
      const bool known =
          text.size() == 6 && (text.starts_with("stage") || text.starts_with("layer"));
      stages.push_back(known ? text[5] - '1' : -1);
    }
    return stages;
  }
  if (backbone.contains("out_indices") && !backbone["out_indices"].is_null()) {
    for (const int64_t index : config_integers(backbone, "out_indices", {}))
      stages.push_back(index - 1);
  }
  return stages;
}

}  // namespace

int64_t DetrBackbone::channels(int64_t stage) const {
  return tower.settings.widths[static_cast<size_t>(stage)];
}

DetrBackbone detr_backbone(const Json& config, bool several_levels) {
  const Json& own = config.at(kKey);
  const std::string type = config_text(own, "model_type", "resnet");
  DetrBackbone b;
  if (type == "resnet") {
    b.tower.settings = ResNetSettings(own);
  } else if (type == "timm_backbone") {
    b.tower.settings = ResNetSettings::named(config_text(own, "backbone", "resnet50"));
    b.tower.settings.channels = config_integer(config, "num_channels", 3);
    b.tower.names = ResNetNames::torchvision;
  } else {
    fail_unreadable(
        "config.json: backbone_config.model_type is '{}'; graft has this detector on a ResNet "
        "(resnet, or timm_backbone with a resnet)",
        type);
  }
  if (config_flag(config, "dilation", false) || config_integer(own, "output_stride", 32) != 32)
    fail_unreadable(
        "config.json: dilation (DC5, output_stride of the backbone) is not supported; give a model "
        "without it, such as facebook/detr-resnet-50");
  b.tower.path = "model.backbone.model";
  b.tower.settings.norm = nn::NormKind::frozen;

  const auto last = static_cast<int64_t>(b.tower.settings.depths.size()) - 1;
  b.stages = given_stages(own);
  if (b.stages.empty()) {
    for (int64_t stage = several_levels ? std::max<int64_t>(last - 2, 0) : last; stage <= last;
         ++stage)
      b.stages.push_back(stage);
  }
  const bool ascending =
      std::ranges::is_sorted(b.stages) && std::ranges::adjacent_find(b.stages) == b.stages.end();
  if (!ascending || b.stages.front() < 0 || b.stages.back() != last)
    fail_unreadable(
        "config.json: out_features and out_indices of backbone_config must name stages in their "
        "order and end with stage{}, the last one, got {}",
        last + 1, own.value("out_features", own.value("out_indices", Json())).dump());
  if (!several_levels) b.stages = {last};
  b.tower.maps.assign(b.stages.begin(), b.stages.end() - 1);
  return b;
}

void complete_detr(Json& c, const char* processor) {
  if (!c.contains(kKey) || !c[kKey].is_object()) {
    if (config_flag(c, "use_timm_backbone", true))
      c[kKey] = {{"model_type", "timm_backbone"},
                 {"backbone", config_text(c, "backbone", "resnet50")}};
    else
      c[kKey] = {{"model_type", "resnet"}};
  }
  for (const char* key :
       {"backbone", "use_timm_backbone", "use_pretrained_backbone", "backbone_kwargs"})
    c.erase(key);
  if (!c.contains("preprocessor"))
    c["preprocessor"] = {{"image_processor_type", processor},
                         {"size", {{"height", kUsualSide}, {"width", kUsualSide}}}};
}

void add_detr_names(Family& family) {
  family.read = {{R"(backbone\.conv_encoder\.)", "backbone."},
                 {R"(\.out_proj\.)", ".o_proj."},
                 {R"(\.layers\.(\d+)\.fc([12])\.)", ".layers.$1.mlp.fc$2."}};
  family.write = {{R"(^model\.backbone\.)", "model.backbone.conv_encoder."},
                  {R"(\.o_proj\.)", ".out_proj."},
                  {R"(\.layers\.(\d+)\.mlp\.fc([12])\.)", ".layers.$1.fc$2."}};
}

void drop_batch_counts(io::TensorMap& tensors) {
  io::TensorMap kept;
  for (const auto& [name, tensor] : tensors) {
    if (!name.ends_with(".num_batches_tracked")) kept.add(name, tensor);
  }
  tensors = std::move(kept);
}

}  // namespace graft::models
