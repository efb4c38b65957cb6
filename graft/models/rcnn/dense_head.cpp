#include "graft/models/rcnn/dense_head.h"

#include <torch/types.h>

#include <cmath>

namespace graft::models {
namespace {

constexpr int kConvolutions = 4;
constexpr double kSeen = 0.01;  // the share of places where a new class is seen

std::vector<std::unique_ptr<nn::Conv2d>> stack(const nn::Scope& scope, int64_t channels) {
  std::vector<std::unique_ptr<nn::Conv2d>> convs;
  for (int i = 0; i < kConvolutions; ++i)
    convs.push_back(plain_conv(scope / "conv" / std::to_string(i) / "0", channels, channels, 3));
  return convs;
}

at::Tensor run(const std::vector<std::unique_ptr<nn::Conv2d>>& convs, at::Tensor x) {
  for (const auto& conv : convs) x = at::relu((*conv)(x));
  return x;
}

}  // namespace

DenseBoxes::DenseBoxes(const nn::Scope& scope, const RetinaNetSettings& settings)
    : maps_(settings.anchors.sizes.size()),
      convs_(stack(scope, settings.body.channels)),
      offsets_(plain_conv(scope / "bbox_reg", settings.body.channels, settings.anchors.count() * 4,
                          3)) {}

nn::Flow DenseBoxes::forward(nn::Flow flow, nn::Context& /*context*/) {
  std::vector<at::Tensor> offsets;
  for (size_t level = 0; level < maps_; ++level)
    offsets.push_back(by_anchor((*offsets_)(run(convs_, flow.at(level_name(level)))), 4));
  flow["offsets"] = at::cat(offsets, 1);
  return flow;
}

DenseFeatures::DenseFeatures(const nn::Scope& scope, const RetinaNetSettings& settings)
    : maps_(settings.anchors.sizes.size()), convs_(stack(scope, settings.body.channels)) {}

nn::Flow DenseFeatures::forward(nn::Flow flow, nn::Context& /*context*/) {
  for (size_t level = 0; level < maps_; ++level) {
    at::Tensor& map = flow[level_name(level)];
    map = run(convs_, map);
  }
  return flow;
}

DenseClasses::DenseClasses(const nn::Scope& scope, const RetinaNetSettings& settings,
                           int64_t classes)
    : maps_(settings.anchors.sizes.size()),
      classes_(classes),
      logits_(plain_conv(scope / "cls_logits", settings.body.channels,
                         settings.anchors.count() * classes, 3)) {
  logits_->bias().fill_(std::log(kSeen / (1 - kSeen)));
}

nn::Flow DenseClasses::forward(nn::Flow flow, nn::Context& /*context*/) {
  std::vector<at::Tensor> logits;
  for (size_t level = 0; level < maps_; ++level) {
    at::Tensor x = flow.at(level_name(level));
    // Objects are told apart in float32 at least.
    if (at::isReducedFloatingType(x.scalar_type())) x = x.to(at::kFloat);
    logits.push_back(by_anchor((*logits_)(x), classes_));
  }
  nn::Flow result("logits", at::cat(logits, 1));
  result["offsets"] = flow.at("offsets");
  return result;
}

}  // namespace graft::models
