#include <torch/types.h>

#include <cmath>

#include "graft/models/dialects.h"
#include "graft/models/family.h"
#include "graft/models/rcnn/body.h"
#include "graft/models/rcnn/region_detector.h"
#include "graft/models/rcnn/region_head.h"

namespace graft::models {
namespace {

constexpr const char* kProposals = "rpn.head";
constexpr const char* kPredictor = "roi_heads.box_predictor";

void build(Model& model, int64_t classes) {
  const FasterRcnnSettings s(model.config());
  add_body(model, s.body, 0, PyramidTop::pool);
  model.add<RegionProposals>("proposals", Span::head, kProposals, s, classes);
  model.add<RegionFeatures>("regions", Span::head, "roi_heads.box_head", s, classes);
  model.add<RegionClasses>("head", Span::head, kPredictor, s.width, classes);
  // Nothing has a row as well, and a box, which nobody reads.
  model.add_class_rows(std::string(kPredictor) + ".cls_score", {.before = 1});
  model.add_class_rows(std::string(kPredictor) + ".bbox_pred", {.before = 1, .together = true});
}

void init(Model& model, const nn::Init& random) {
  init_body(model, random);
  for (auto& p : model.registry().parameters) {
    if (p.name.starts_with(kProposals) && p.role == nn::Role::weight)
      random.normal(p.name, *p.value, 0.01);
    if (p.name.starts_with("roi_heads.") && p.role == nn::Role::weight)
      random.uniform(p.name, *p.value, 1 / std::sqrt(static_cast<double>(p.value->size(1))));
  }
}

}  // namespace

Family faster_rcnn() {
  Family f;
  f.name = "faster_rcnn";
  f.summary = "Faster R-CNN with a ResNet and a feature pyramid, in torchvision's names";
  f.source = "Ren et al. 2015, arXiv:1506.01497; Lin et al. 2016, arXiv:1612.03144";
  f.model_types = {"faster_rcnn"};
  f.architectures = {{Task::boxes, "FasterRCNN"}};
  f.build = build;
  f.init = init;
  f.read = old_pyramid_names();
  f.read.push_back({R"(^rpn\.head\.conv\.(weight|bias)$)", "rpn.head.conv.0.0.$1"});
  f.adopt = adopt_faster_rcnn;
  f.complete = complete_preprocess;
  f.detector = make_region_detector;
  return f;
}

}  // namespace graft::models
