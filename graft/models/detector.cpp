#include "graft/models/detector.h"

#include <torch/types.h>

#include <algorithm>
#include <limits>

#include "graft/base/error.h"
#include "graft/image/placement.h"
#include "graft/models/family.h"

namespace graft::models {
namespace {

constexpr const char* kSettings = "detection";
constexpr const char* kScore = "score";
constexpr const char* kSuppression = "nms";

const Json& settings_of(const Model& model) {
  static const Json none = Json::object();
  const Json& config = model.config();
  return config.is_object() && config.contains(kSettings) ? config[kSettings] : none;
}

/// Boxes of the network's input in the picture that was put into it; cut at its borders, and
/// without those that lie outside.
Detections in_picture(const Detections& found, const image::Preprocess& preprocess,
                      image::Dimensions picture) {
  const image::Placement placement = preprocess.placement(picture);
  const image::Box all{0, 0, static_cast<float>(picture.width), static_cast<float>(picture.height)};
  Detections placed;
  for (const Detection& one : found) {
    const image::Box box = image::intersection(placement.back(one.box), all);
    if (box.area() > 0) placed.push_back({box, one.label, one.score});
  }
  return placed;
}

}  // namespace

std::unique_ptr<Detector> make_detector(const Model& model) {
  const Family& family = find_family(model.family());
  family.architecture(Task::boxes, "model");  // refused here when there is none
  return family.detector(model);
}

std::vector<Detections> find_in_pictures(const Model& model, const Detector& detector,
                                         const nn::Flow& end, const DetectOptions& options) {
  std::vector<Detections> found = detector.find(end, options);
  const at::Tensor sizes = end.at("sizes").cpu();
  for (size_t i = 0; i < found.size(); ++i) {
    const float* size = sizes.data_ptr<float>() + 2 * i;
    const image::Dimensions picture{static_cast<int>(size[1]), static_cast<int>(size[0])};
    found[i] = in_picture(found[i], model.preprocess(), picture);
  }
  return found;
}

Json detection_settings(std::optional<double> score, std::optional<double> nms) {
  Json settings = Json::object();
  if (nms) settings[kSuppression] = *nms;
  if (score) settings[kScore] = *score;
  return {{kSettings, settings}};
}

double detection_score(const Model& model) {
  return config_number(settings_of(model), kScore, std::numeric_limits<double>::quiet_NaN());
}

DetectOptions detect_options(const Model& model) {
  DetectOptions options;
  const Json& settings = settings_of(model);
  options.score = static_cast<float>(config_number(settings, kScore, options.score));
  if (settings.contains(kSuppression))
    options.iou = static_cast<float>(config_number(settings, kSuppression, 1));
  return options;
}

std::vector<Detections> detect(Model& model, const Detector& detector,
                               const std::vector<image::Image>& pictures,
                               const DetectOptions& options) {
  const at::NoGradGuard no_grad;
  const image::Preprocess& preprocess = model.preprocess();
  const image::Dimensions size = preprocess.output();
  const auto count = static_cast<int64_t>(pictures.size());
  at::Tensor pixels =
      at::empty({count, 3, size.height, size.width}, at::kFloat, at::MemoryFormat::ChannelsLast);
  for (int64_t i = 0; i < count; ++i) {
    preprocess.to_floats(preprocess.apply(pictures[static_cast<size_t>(i)]),
                         pixels.data_ptr<float>() + i * size.height * size.width * 3);
  }
  nn::Context context;
  const nn::Flow end = model.forward({"pixels", pixels.to(model.device())}, context);
  std::vector<Detections> found = detector.find(end, options);
  for (size_t i = 0; i < found.size(); ++i) {
    found[i] = in_picture(found[i], preprocess, {pictures[i].width, pictures[i].height});
  }
  return found;
}

}  // namespace graft::models
