#include "graft/models/rcnn/settings.h"

#include <cmath>

#include "graft/base/error.h"
#include "graft/models/family.h"

namespace graft::models {
namespace {

constexpr int64_t kStep = 32;  // pixels of the input at a place of the body's last map
constexpr int64_t kUsualSide = 800;

/// A number from `low` to `high`.
double number(const Json& config, const char* key, double fallback, double low, double high) {
  const double value = config_number(config, key, fallback);
  if (!(value >= low && value <= high))
    fail_unreadable("config.json: {} must be from {} to {}, got {}", key, low, high, value);
  return value;
}

double share(const Json& config, const char* key, double fallback) {
  return number(config, key, fallback, 0, 1);
}

int64_t count(const Json& config, const char* key, int64_t fallback) {
  const int64_t value = config_integer(config, key, fallback);
  if (value < 1) fail_unreadable("config.json: {} must be at least 1, got {}", key, value);
  return value;
}

MatchSettings match_of(const Json& config, const std::string& before, const MatchSettings& usual) {
  MatchSettings m = usual;
  m.object = share(config, (before + "fg_iou_thresh").c_str(), m.object);
  m.nothing = share(config, (before + "bg_iou_thresh").c_str(), m.nothing);
  if (m.nothing > m.object)
    fail_unreadable("config.json: {0}bg_iou_thresh ({1}) must not be above {0}fg_iou_thresh ({2})",
                    before, m.nothing, m.object);
  return m;
}

DrawSettings draw_of(const Json& config, const std::string& before, const DrawSettings& usual) {
  return {count(config, (before + "batch_size_per_image").c_str(), usual.count),
          share(config, (before + "positive_fraction").c_str(), usual.positive)};
}

PerMode per_mode(const Json& config, const std::string& key, const PerMode& usual) {
  return {count(config, (key + "_train").c_str(), usual.training),
          count(config, (key + "_test").c_str(), usual.else_)};
}

/// A size a map, twice the former one's.
std::vector<std::vector<int64_t>> doubled_sizes() {
  return {{32}, {64}, {128}, {256}, {512}};
}

/// Three sizes a map, a third of an octave apart (Lin et al. 2017).
std::vector<std::vector<int64_t>> thirds_of_octaves() {
  std::vector<std::vector<int64_t>> sizes = doubled_sizes();
  for (auto& list : sizes) {
    const auto side = static_cast<double>(list[0]);
    list.push_back(static_cast<int64_t>(side * std::pow(2, 1.0 / 3)));
    list.push_back(static_cast<int64_t>(side * std::pow(2, 2.0 / 3)));
  }
  return sizes;
}

}  // namespace

BodySettings::BodySettings(const Json& config)
    : resnet(config.contains("backbone")
                 ? ResNetSettings::named(config_text(config, "backbone", "resnet50"))
                 : ResNetSettings(config)),
      channels(count(config, "fpn_channels", 256)) {
  if (resnet.widths.size() != 4 || resnet.channels != 3)
    fail_unreadable(
        "config.json: the body of such a detector must have 4 stages and 3 channels of pictures, "
        "got {} and {}",
        resnet.widths.size(), resnet.channels);
  if (config_flag(config, "frozen_batch_norm", true)) resnet.norm = nn::NormKind::frozen;
  // Old weights of torchvision were trained without anything added to variances.
  resnet.eps = number(config, "batch_norm_eps", 1e-5, 0, 1);
}

FasterRcnnSettings::FasterRcnnSettings(const Json& config)
    : body(config), anchors(config, 5, doubled_sizes()) {
  anchor_match = match_of(config, "rpn_", anchor_match);
  anchor_draw = draw_of(config, "rpn_", anchor_draw);
  before_nms = per_mode(config, "rpn_pre_nms_top_n", before_nms);
  after_nms = per_mode(config, "rpn_post_nms_top_n", after_nms);
  proposal_nms = share(config, "rpn_nms_thresh", proposal_nms);
  width = count(config, "representation_size", width);
  region_match = match_of(config, "box_", region_match);
  region_draw = draw_of(config, "box_", region_draw);
  nms = share(config, "box_nms_thresh", nms);
  const Json given = config.value("bbox_reg_weights", Json());
  if (given.is_null()) return;
  bool good = given.is_array() && given.size() == 4;
  for (size_t i = 0; good && i < 4; ++i) good = given[i].is_number() && given[i].get<double>() > 0;
  if (!good)
    fail_unreadable("config.json: bbox_reg_weights must be 4 numbers above 0, got {}",
                    given.dump());
  region_weights = given.get<std::array<double, 4>>();
}

RetinaNetSettings::RetinaNetSettings(const Json& config)
    : body(config), anchors(config, 5, thirds_of_octaves()) {
  match = match_of(config, "", match);
  candidates = count(config, "topk_candidates", candidates);
  nms = share(config, "nms_thresh", nms);
}

void complete_preprocess(Checkpoint& checkpoint) {
  Json& config = checkpoint.config;
  if (config.contains("preprocessor")) return;
  const int64_t side = config_integer(config, "image_size", kUsualSide);
  config["preprocessor"] = {{"image_processor_type", "RcnnImageProcessor"},
                            {"size", {{"height", side}, {"width", side}}},
                            {"letterbox", true}};
}

image::Dimensions pyramid_input(const Model& model) {
  const image::Dimensions size = model.preprocess().output();
  if (size.width < kStep || size.height < kStep || size.width % kStep != 0 ||
      size.height % kStep != 0)
    fail_unreadable(
        "{}: its preprocessing gives pictures of {} x {} pixels; the sides must be multiples of "
        "{}, give such a model.image_size",
        model.family(), size.width, size.height, kStep);
  return size;
}

}  // namespace graft::models
