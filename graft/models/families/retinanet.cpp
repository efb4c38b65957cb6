#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/models/dialects.h"
#include "graft/models/family.h"
#include "graft/models/rcnn/body.h"
#include "graft/models/rcnn/dense_detector.h"
#include "graft/models/rcnn/dense_head.h"

namespace graft::models {
namespace {

constexpr const char* kBoxes = "head.regression_head";
constexpr const char* kClasses = "head.classification_head";

void build(Model& model, int64_t classes) {
  const RetinaNetSettings s(model.config());
  // The finest map would have too many anchors.
  add_body(model, s.body, 1, PyramidTop::convolutions);
  model.add<DenseBoxes>("boxes", Span::head, kBoxes, s);
  model.add<DenseFeatures>("classes", Span::head, kClasses, s);
  model.add<DenseClasses>("head", Span::head, kClasses, s, classes);
  model.add_class_rows(std::string(kClasses) + ".cls_logits", {});
}

void init(Model& model, const nn::Init& random) {
  init_body(model, random);
  // 0.01 as in the paper, which has 256 channels: in narrower stacks nothing would be left of a
  // map.
  const auto channels = static_cast<double>(RetinaNetSettings(model.config()).body.channels);
  const double std = 0.01 * std::sqrt(256 / channels);
  for (auto& p : model.registry().parameters) {
    if (p.name.starts_with("head.") && p.role == nn::Role::weight)
      random.normal(p.name, *p.value, std);
  }
}

/// What files of before torchvision 0.13 call the head's convolutions.
std::vector<Rename> old_head_names() {
  std::vector<Rename> names;
  // Every second one was an activation.
  for (int i = 0; i < 4; ++i)
    names.push_back({fmt::format(R"(^(head\.\w+_head\.conv)\.{}\.(weight|bias)$)", 2 * i),
                     fmt::format("$1.{}.0.$2", i)});
  return names;
}

}  // namespace

Family retinanet() {
  Family f;
  f.name = "retinanet";
  f.summary = "RetinaNet with a ResNet and a feature pyramid, in torchvision's names";
  f.source = "Lin et al. 2017, arXiv:1708.02002";
  f.model_types = {"retinanet"};
  f.architectures = {{Task::boxes, "RetinaNet"}};
  f.build = build;
  f.init = init;
  f.read = old_pyramid_names();
  for (Rename& rename : old_head_names()) f.read.push_back(std::move(rename));
  f.adopt = adopt_retinanet;
  f.complete = complete_preprocess;
  f.detector = make_dense_detector;
  return f;
}

}  // namespace graft::models
