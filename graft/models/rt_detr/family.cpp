#include "graft/models/rt_detr/family.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/models/detr/set_detector.h"
#include "graft/models/rt_detr/decoder.h"
#include "graft/models/rt_detr/hybrid_encoder.h"
#include "graft/models/rt_detr/loss.h"

namespace graft::models::rtdetr {
namespace {

constexpr const char* kPath = "model";
constexpr const char* kDecoder = "model.decoder.";
constexpr int kUsualSide = 640;  // of pictures, where nothing says it

class SetHeadDetector final : public Detector {
 public:
  SetHeadDetector(const Model& model, Kind kind)
      : settings_(model.config(), kind),
        rule_(model.config()),
        input_(model.preprocess().output()),
        classes_(static_cast<int64_t>(model.classes().size())) {
    SetLossRule finding;
    finding.match = rule_.match;
    finder_ = make_set_detector(model, finding);
    const int64_t stride = backbone_levels(model.config()).back().stride;
    if (input_.width % stride != 0 || input_.height % stride != 0)
      fail_unreadable(
          "preprocessor_config.json: size is {} x {}; sides must be multiples of {} for this "
          "model, for instance {}",
          input_.width, input_.height, stride, kUsualSide);
  }
  std::vector<Detections> find(const nn::Flow& end, const DetectOptions& options) const override {
    return finder_->find(end, options);
  }
  double rate() const override { return 0.25; }
  BoxLoss loss(const nn::Flow& end, const std::vector<std::vector<Truth>>& truth) const override {
    return set_head_loss(end, SetTruth(truth, input_, classes_), settings_, rule_);
  }

 private:
  Settings settings_;
  LossRule rule_;
  image::Dimensions input_;
  int64_t classes_;
  std::unique_ptr<Detector> finder_;
};

void build(Model& model, int64_t classes, Kind kind) {
  const Settings settings(model.config(), kind);
  const LossRule rule(model.config());  // refused here when it does not fit
  const std::vector<Level> levels = add_backbone(model);
  if (levels.size() != settings.map_channels.size())
    fail_unreadable(
        "config.json: the backbone hands {} maps on, but decoder_in_channels has {} numbers",
        levels.size(), settings.map_channels.size());
  model.add<HybridEncoder>("neck", Span::neck, kPath, settings, levels);
  model.add<SetHead>("head", Span::head, kPath, settings, levels, classes);
  model.add_class_rows("model.enc_score_head", {});
  if (settings.noised > 0) model.add_class_rows("model.denoising_class_embed", {.after = 1});
  for (int64_t i = 0; i < settings.layers; ++i)
    model.add_class_rows(fmt::format("{}class_embed.{}", kDecoder, i), {});
}

/// Layers that begin with the numbers they were built with: offsets that look around, and what is
/// added to a box, to the weight of a place or by a gate, which begin at zero.
bool begins_as_built(const std::string& name) {
  for (const char* layer : {"sampling_offsets.weight", "attention_weights.weight", "gate.weight"}) {
    if (name.ends_with(layer)) return true;
  }
  return false;
}

/// As the authors do it: torch's usual numbers, Glorot's for what is told of classes and for what
/// attention reads; and the last layers of box heads and of D-FINE's quality say nothing at first.
void init(Model& model, const nn::Init& random, Kind kind) {
  const Settings settings(model.config(), kind);
  init_backbone(model, random);
  const auto last_of = [&](const std::string& heads, int64_t layers) {
    std::vector<std::string> names;
    for (int64_t i = 0; i < settings.layers; ++i)
      names.push_back(fmt::format("{}{}.layers.{}.weight", kDecoder,
                                  fmt::format(fmt::runtime(heads), i), layers - 1));
    return names;
  };
  std::vector<std::string> silent = last_of("bbox_embed.{}", 3);
  for (const std::string& name : last_of("lqe_layers.{}.reg_conf", settings.quality_layers))
    silent.push_back(name);
  for (auto& p : model.registry().parameters) {
    const bool table = p.role == nn::Role::embedding;
    if (model.block_span(p.block) == Span::backbone || (p.role != nn::Role::weight && !table))
      continue;
    if (begins_as_built(p.name) || std::ranges::find(silent, p.name) != silent.end()) continue;
    const auto in = static_cast<double>(p.value->numel() / p.value->size(0));
    const auto out = static_cast<double>(p.value->size(0));
    const bool even = table || p.name.find("_attn.") != std::string::npos ||
                      p.name.find("class_embed") != std::string::npos ||
                      p.name.find("enc_score_head") != std::string::npos;
    random.uniform(p.name, *p.value, even ? std::sqrt(6 / (in + out)) : 1 / std::sqrt(in));
  }
}

/// Pictures as RTDetrImageProcessor gives them.
void complete(Checkpoint& checkpoint) {
  Json& c = checkpoint.config;
  if (!c.contains("preprocessor"))
    c["preprocessor"] = {{"image_processor_type", "RTDetrImageProcessor"},
                         {"size", {{"height", kUsualSide}, {"width", kUsualSide}}}};
}

/// transformers calls the heads by two names; files have one of them or both.
void unpack(io::TensorMap& tensors) {
  io::TensorMap kept;
  for (const auto& [name, tensor] : tensors) {
    const bool alias = name.starts_with("class_embed.") || name.starts_with("bbox_embed.");
    if (!alias)
      kept.add(name, tensor);
    else if (!tensors.contains(kDecoder + name))
      kept.add(kDecoder + name, tensor);
  }
  tensors = std::move(kept);
}

}  // namespace

Family family_of(Kind kind) {
  Family f;
  f.base_prefix = "model.";
  f.build = [kind](Model& model, int64_t classes) { build(model, classes, kind); };
  f.init = [kind](Model& model, const nn::Init& random) { init(model, random, kind); };
  const std::string mlp = kind == Kind::d_fine ? "mlp.layers." : "mlp.fc";
  const int first = kind == Kind::d_fine ? 0 : 1;
  f.read = {{R"(\.out_proj\.)", ".o_proj."},
            {R"(\.layers\.(\d+)\.fc1\.)", fmt::format(".layers.$1.{}{}.", mlp, first)},
            {R"(\.layers\.(\d+)\.fc2\.)", fmt::format(".layers.$1.{}{}.", mlp, first + 1)},
            {R"(encoder\.encoder\.(\d+)\.layers\.)", "encoder.aifi.$1.layers."}};
  f.write = {{R"(\.o_proj\.)", ".out_proj."},
             {fmt::format(R"(\.layers\.(\d+)\.{}{}\.)", mlp, first), ".layers.$1.fc1."},
             {fmt::format(R"(\.layers\.(\d+)\.{}{}\.)", mlp, first + 1), ".layers.$1.fc2."},
             {R"(encoder\.aifi\.(\d+)\.layers\.)", "encoder.encoder.$1.layers."}};
  f.unpack = unpack;
  f.complete = complete;
  f.detector = [kind](const Model& model) {
    return std::make_unique<SetHeadDetector>(model, kind);
  };
  return f;
}

}  // namespace graft::models::rtdetr
