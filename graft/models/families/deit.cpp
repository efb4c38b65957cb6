#include <torch/types.h>

#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/models/vision_tower.h"
#include "graft/models/vit_names.h"

namespace graft::models {
namespace {

/// Two heads, one for the class token and one for the distillation token; their mean is the answer.
class TeacherHead final : public Block {
 public:
  TeacherHead(const nn::Scope& scope, int64_t width, int64_t classes)
      : own(scope / "cls_classifier", width, classes),
        teacher(scope / "distillation_classifier", width, classes) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor& features = flow.at("features");
    const at::Tensor distilled = flow.at("distilled").to(features.scalar_type());
    return {"logits", (own(features) + teacher(distilled)) / 2};
  }
  nn::Linear own, teacher;
};

/// Both kinds have the same model_type; only the architecture tells whether there are two heads.
bool has_teacher(const Json& c) {
  return c.contains("architectures") && c["architectures"].is_array() &&
         !c["architectures"].empty() &&
         c["architectures"][0] == "DeiTForImageClassificationWithTeacher";
}

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const bool teacher = has_teacher(c);
  VisionTower tower{.path = "deit",
                    .patches = PatchSettings(c, 16),
                    .encoder = EncoderSettings(c, 1e-12),
                    .pool = {}};
  tower.patches.extra_name = "distillation_token";
  tower.patches.extra = 1;
  tower.encoder.inner = config_integer(c, "intermediate_size", 3072);
  tower.kept = teacher ? 2 : 1;
  tower.pool = [teacher](const at::Tensor& tokens) {
    nn::Flow flow("features", tokens.select(1, 0));
    if (teacher) flow["distilled"] = tokens.select(1, 1);
    return flow;
  };
  add_vision_tower(model, tower);
  if (teacher) {
    auto& head = model.add<TeacherHead>("head", Span::head, "", tower.encoder.width, classes);
    model.set_classifier(head.own);
  } else {
    add_classifier(model, "classifier", tower.encoder.width, classes);
  }
}

}  // namespace

Family deit() {
  Family f;
  f.name = "deit";
  f.summary = "Data-efficient image Transformer with a distillation token, one head or two";
  f.source = "Touvron et al. 2020, arXiv:2012.12877";
  f.model_types = {"deit"};
  f.architectures = {{Task::classes, "DeiTForImageClassification"}};
  f.base_prefix = "deit.";
  f.build = build;
  f.init = init_encoder;
  f.read = vit_file_to_module();
  f.write = vit_module_to_file();
  return f;
}

}  // namespace graft::models
