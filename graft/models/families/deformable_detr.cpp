#include <torch/types.h>

#include <cmath>
#include <optional>

#include "graft/base/error.h"
#include "graft/models/detr/backbone.h"
#include "graft/models/detr/query_heads.h"
#include "graft/models/detr/set_detector.h"
#include "graft/models/family.h"
#include "graft/nn/conv.h"
#include "graft/nn/dropout.h"
#include "graft/nn/embedding.h"
#include "graft/nn/group_norm.h"

namespace graft::models {
namespace {

constexpr int64_t kGroups = 32;  // of the norms behind the projections

std::string level_name(int64_t i) {
  return fmt::format("level{}", i);
}

std::vector<at::Tensor> levels_in(const nn::Flow& flow) {
  std::vector<at::Tensor> maps;
  for (int64_t i = 0; flow.has(level_name(i)); ++i) maps.push_back(flow.at(level_name(i)));
  return maps;
}

void put_levels(const std::vector<at::Tensor>& maps, nn::Flow& flow) {
  for (size_t i = 0; i < maps.size(); ++i) flow[level_name(static_cast<int64_t>(i))] = maps[i];
}

/// A convolution and a group norm: "<scope>.0", "<scope>.1".
class LevelInput {
 public:
  LevelInput(const nn::Scope& scope, int64_t in, int64_t out, bool shrinks)
      : conv_(scope / "0", options(in, out, shrinks)), norm_(scope / "1", kGroups, out) {}
  at::Tensor operator()(const at::Tensor& x) const { return norm_(conv_(x)); }

 private:
  static nn::ConvOptions options(int64_t in, int64_t out, bool shrinks) {
    nn::ConvOptions o;
    o.in = in;
    o.out = out;
    o.bias = true;
    if (shrinks) {
      o.kernel = {3, 3};
      o.stride = {2, 2};
      o.padding = {1, 1};
    }
    return o;
  }
  nn::Conv2d conv_;
  nn::GroupNorm norm_;
};

/// Maps of the backbone in the transformer's width, and smaller ones made of the last: "level0",
/// "level1" … [B, width, H, W].
class Projection final : public Block {
 public:
  Projection(const nn::Scope& model, const DetrBackbone& backbone, const DeformableSettings& s)
      : dropout_(s.transformer.dropout) {
    int64_t in = 0;
    const auto given = static_cast<int64_t>(backbone.stages.size());
    for (int64_t i = 0; i < s.levels; ++i) {
      if (i < given) {
        const int64_t stage = backbone.stages[static_cast<size_t>(i)];
        in = backbone.channels(stage);
        names_.push_back(i + 1 < given ? fmt::format("map{}", stage) : "x");
      }
      inputs_.push_back(std::make_unique<LevelInput>(model / "input_proj" / std::to_string(i), in,
                                                     s.transformer.width, i >= given));
      if (i >= given) in = s.transformer.width;
    }
  }
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    std::vector<at::Tensor> maps;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const bool first_smaller = i == names_.size();
      const at::Tensor source = i < names_.size() ? flow.at(names_[i])
                                : first_smaller   ? flow.at("x")
                                                  : maps.back();
      maps.push_back((*inputs_[i])(source));
    }
    for (at::Tensor& map : maps) map = nn::dropout(map, dropout_, context);
    nn::Flow result;
    put_levels(maps, result);
    return result;
  }

 private:
  double dropout_;
  std::vector<std::string> names_;  // of the backbone's maps in the flow
  std::vector<std::unique_ptr<LevelInput>> inputs_;
};

class Encoder final : public Block {
 public:
  Encoder(const nn::Scope& scope, const DeformableSettings& s,
          std::shared_ptr<LevelPositions> positions)
      : layer_(scope, s), positions_(std::move(positions)) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    const std::vector<at::Tensor> maps = levels_in(flow);
    const LevelMemory memory(maps);
    nn::Flow result;
    put_levels(memory.parted(layer_(memory, (*positions_)(maps), context)), result);
    return result;
  }

 private:
  DeformableEncoderLayer layer_;
  std::shared_ptr<LevelPositions> positions_;
};

/// A decoder layer: "x" [B, Q, width] is decoded, "queries" of the same shape tell them apart,
/// "references" [B, Q, 2 or 4] say where they look. Where layers below the last are learned as
/// well, they leave "logits<i>" and "boxes<i>".
class Decoder final : public Block {
 public:
  Decoder(const nn::Scope& root, const DeformableSettings& s, int64_t index, QueryHeads& heads)
      : width_(s.transformer.width),
        refine_(s.refine),
        says_(s.transformer.auxiliary ? std::to_string(index) : ""),
        layer_(root / "model" / "decoder" / "layers" / std::to_string(index), s) {
    const nn::Scope model = root / "model";
    if (index == 0) {
      queries_.emplace(model / "query_position_embeddings", s.transformer.queries, 2 * width_);
      references_.emplace(model / "reference_points", width_, 2);
    }
    const bool last = index + 1 == s.transformer.decoder_layers;
    if (!last && (refine_ || !says_.empty())) head_ = heads.of(root, index);
  }
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    const LevelMemory memory(levels_in(flow));
    if (queries_) begin(flow, memory.values);
    const at::Tensor references = flow.at("references");
    const at::Tensor x = layer_(flow.at("x"), flow.at("queries"), references, memory, context);
    flow["x"] = x;
    if (!head_) return flow;
    const at::Tensor boxes = head_->boxes(x, references);
    if (!says_.empty()) {
      flow["logits" + says_] = head_->logits(x);
      flow["boxes" + says_] = boxes;
    }
    // The next layer's gradient stays with it, as in the paper.
    if (refine_) flow["references"] = nn::cast_like(boxes.detach(), x);
    return flow;
  }

 private:
  /// Half of a query's row is where it begins, the other half tells it apart.
  void begin(nn::Flow& flow, const at::Tensor& memory) const {
    const at::Tensor numbers =
        at::arange(queries_->site().in, at::TensorOptions(at::kLong).device(memory.device()));
    const at::Tensor rows =
        nn::cast_like((*queries_)(numbers), memory).unsqueeze(0).expand({memory.size(0), -1, -1});
    flow["queries"] = rows.narrow(2, 0, width_);
    flow["x"] = rows.narrow(2, width_, width_);
    flow["references"] = at::sigmoid((*references_)(flow.at("queries")));
  }

  int64_t width_;
  bool refine_;
  std::string says_;
  std::optional<nn::Embedding> queries_;
  std::optional<nn::Linear> references_;
  DeformableDecoderLayer layer_;
  std::shared_ptr<QueryHead> head_;
};

class Head final : public Block {
 public:
  Head(const nn::Scope& root, const DeformableSettings& s, QueryHeads& heads)
      : head_(heads.of(root, s.transformer.decoder_layers - 1)) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    nn::Flow result("logits", head_->logits(flow.at("x")));
    result["boxes"] = head_->boxes(flow.at("x"), flow.at("references"));
    std::vector<at::Tensor> logits, boxes;
    for (int64_t i = 0; flow.has(fmt::format("logits{}", i)); ++i) {
      logits.push_back(flow.at(fmt::format("logits{}", i)));
      boxes.push_back(flow.at(fmt::format("boxes{}", i)));
    }
    if (logits.empty()) return result;
    result["auxiliary_logits"] = at::stack(logits, 1);
    result["auxiliary_boxes"] = at::stack(boxes, 1);
    return result;
  }

 private:
  std::shared_ptr<QueryHead> head_;
};

DeformableSettings settings_of(const Json& c) {
  DeformableSettings s(c);
  if (config_flag(c, "two_stage", false))
    fail_unreadable(
        "config.json: two_stage is true, but transformers has no loss for what the first stage "
        "says, so that it cannot be learned; give a model without it, such as "
        "SenseTime/deformable-detr-with-box-refine, or one of the family rt_detr_v2");
  if (s.transformer.width % kGroups != 0)
    fail_unreadable("config.json: d_model must be a multiple of {}, got {}", kGroups,
                    s.transformer.width);
  return s;
}

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const DeformableSettings s = settings_of(c);
  const DetrBackbone backbone = detr_backbone(c, s.levels > 1);
  if (static_cast<int64_t>(backbone.stages.size()) > s.levels)
    fail_unreadable(
        "config.json: the backbone gives maps of {} stages, but num_feature_levels is {}",
        backbone.stages.size(), s.levels);
  add_resnet(model, backbone.tower);
  model.add<Projection>("projection", Span::neck, "model", backbone, s);
  // They belong to the first block that reads them.
  const auto positions =
      std::make_shared<LevelPositions>(c, nn::Scope(model.registry(), "model", model.size()), s);
  for (int64_t i = 0; i < s.transformer.encoder_layers; ++i)
    model.add<Encoder>(fmt::format("encoder {}", i), Span::neck,
                       fmt::format("model.encoder.layers.{}", i), s, positions);
  QueryHeads heads(s, classes);
  for (int64_t i = 0; i < s.transformer.decoder_layers; ++i)
    model.add<Decoder>(fmt::format("decoder {}", i), Span::head, "", s, i, heads);
  model.add<Head>("head", Span::head, "", s, heads);
  for (const nn::Parameter& p : model.registry().parameters) {
    if (p.name.starts_with("class_embed."))
      model.add_class_rows(p.name.substr(0, p.name.rfind('.')), {});
  }
}

/// As its authors do it: layers begin by reading places in one direction a head, and with boxes on
/// their references.
void init(Model& model, const nn::Init& random) {
  const at::NoGradGuard no_grad;
  init_resnet(model, random);
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::embedding) random.normal(p.name, *p.value, 1);
    const bool starts_at_zero =
        p.name.ends_with("sampling_offsets.weight") ||
        p.name.ends_with("attention_weights.weight") ||
        (p.name.find("bbox_embed.") != std::string::npos && p.name.ends_with("layers.2.weight"));
    if (p.role != nn::Role::weight || starts_at_zero || model.block_span(p.block) == Span::backbone)
      continue;
    const auto in = static_cast<double>(p.value->numel() / p.value->size(0));
    const auto out = static_cast<double>(p.value->size(0));
    random.uniform(p.name, *p.value, std::sqrt(6 / (in + out)));
  }
}

}  // namespace

Family deformable_detr() {
  Family f;
  f.name = "deformable_detr";
  f.summary = "Deformable DETR: queries that read a few places of maps of several sizes";
  f.source = "Zhu et al. 2020, arXiv:2010.04159";
  f.model_types = {"deformable_detr"};
  f.architectures = {{Task::boxes, "DeformableDetrForObjectDetection"}};
  f.base_prefix = "model.";
  f.build = build;
  f.init = init;
  add_detr_names(f);
  f.unpack = [](io::TensorMap& tensors) {
    drop_batch_counts(tensors);
    unpack_query_heads(tensors);
  };
  f.pack = pack_query_heads;
  f.complete = [](Checkpoint& checkpoint) {
    complete_detr(checkpoint.config, "DeformableDetrImageProcessor");
  };
  f.detector = [](const Model& model) {
    return make_set_detector(model, SetLossRule::focal(model.config()));
  };
  return f;
}

}  // namespace graft::models
