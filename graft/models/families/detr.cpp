#include <torch/types.h>

#include <cmath>
#include <optional>

#include "graft/models/detr/backbone.h"
#include "graft/models/detr/layers.h"
#include "graft/models/detr/map_positions.h"
#include "graft/models/detr/set_detector.h"
#include "graft/models/family.h"
#include "graft/models/mlp.h"
#include "graft/nn/conv.h"
#include "graft/nn/dropout.h"
#include "graft/nn/embedding.h"

namespace graft::models {
namespace {

constexpr double kEps = 1e-5;

using Positions = std::shared_ptr<MapPositions>;

/// The last map of the backbone in the transformer's width: "x" [B, width, H, W].
class Projection final : public Block {
 public:
  Projection(const nn::Scope& model, int64_t in, const DetrSettings& s)
      : dropout_(s.dropout), projection_(model / "input_projection", options(in, s.width)) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    return {"x", nn::dropout(projection_(flow.at("x")), dropout_, context)};
  }

 private:
  static nn::ConvOptions options(int64_t in, int64_t out) {
    nn::ConvOptions o;
    o.in = in;
    o.out = out;
    o.bias = true;
    return o;
  }
  double dropout_;
  nn::Conv2d projection_;
};

class Encoder final : public Block {
 public:
  Encoder(const nn::Scope& scope, const DetrSettings& s, Positions positions)
      : layer_(scope, s), positions_(std::move(positions)) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    const at::Tensor& x = flow.at("x");
    const at::Tensor y = layer_(places_of(x), (*positions_)(x), context);
    return {"x", y.transpose(1, 2).unflatten(2, {x.size(2), x.size(3)})};
  }

 private:
  DetrEncoderLayer layer_;
  Positions positions_;
};

/// The norm behind the decoder, which belongs to the first block that uses it.
struct DecoderEnd {
  std::shared_ptr<nn::LayerNorm> norm;
  std::shared_ptr<nn::LayerNorm> of(const nn::Scope& model, const DetrSettings& s) {
    if (!norm)
      norm = std::make_shared<nn::LayerNorm>(model / "decoder" / "layernorm", s.width, kEps);
    return norm;
  }
};

/// A decoder layer. What the encoder gave flows on as "memory" [B, width, H, W], what was decoded
/// as "x" [B, Q, width], beside "queries" of the same shape, which tell them apart. Where layers
/// below are learned as well, the first ones leave "decoded<i>".
class Decoder final : public Block {
 public:
  Decoder(const nn::Scope& model, const DetrSettings& s, int64_t index, Positions positions,
          DecoderEnd& end)
      : layer_(model / "decoder" / "layers" / std::to_string(index), s),
        positions_(std::move(positions)) {
    if (index == 0) queries_.emplace(model / "query_position_embeddings", s.queries, s.width);
    if (!s.auxiliary) return;
    norm_ = end.of(model, s);
    if (index + 1 < s.decoder_layers) decoded_ = fmt::format("decoded{}", index);
  }
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    if (queries_) begin(flow);
    const at::Tensor memory = flow.at("memory");
    at::Tensor x = layer_(flow.at("x"), flow.at("queries"),
                          {places_of(memory), (*positions_)(memory)}, context);
    // As transformers does it under auxiliary_loss: the next layer reads what is normalised.
    if (norm_) x = (*norm_)(x);
    if (!decoded_.empty()) flow[decoded_] = x;
    flow["x"] = x;
    return flow;
  }

 private:
  void begin(nn::Flow& flow) const {
    const at::Tensor memory = flow.at("x");
    const at::Tensor numbers =
        at::arange(queries_->site().in, at::TensorOptions(at::kLong).device(memory.device()));
    const at::Tensor rows = nn::cast_like((*queries_)(numbers), memory);
    flow["memory"] = memory;
    flow["queries"] = rows.unsqueeze(0).expand({memory.size(0), -1, -1});
    flow["x"] = at::zeros_like(flow["queries"]);
  }

  std::optional<nn::Embedding> queries_;
  DetrDecoderLayer layer_;
  Positions positions_;
  std::shared_ptr<nn::LayerNorm> norm_;  // where layers below are learned as well
  std::string decoded_;
};

/// Classes and boxes of each query.
class Head final : public Block {
 public:
  Head(const nn::Scope& root, const DetrSettings& s, int64_t classes, DecoderEnd& end)
      : norm_(end.of(root / "model", s)),
        classes_(root / "class_labels_classifier", s.width, classes + 1),
        boxes_(root / "bbox_predictor", {s.width, s.width, s.width, 4}) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    nn::Flow result;
    say(result, "", (*norm_)(flow.at("x")));
    std::vector<at::Tensor> decoded;
    for (int64_t i = 0; flow.has(fmt::format("decoded{}", i)); ++i)
      decoded.push_back(flow.at(fmt::format("decoded{}", i)));
    if (!decoded.empty()) say(result, "auxiliary_", at::stack(decoded, 1));
    return result;
  }

 private:
  void say(nn::Flow& result, const std::string& prefix, at::Tensor x) const {
    // Classes are told apart in float32 at least, and boxes to the pixel.
    if (at::isReducedFloatingType(x.scalar_type())) x = x.to(at::kFloat);
    result[prefix + "logits"] = classes_(x);
    result[prefix + "boxes"] = at::sigmoid(boxes_(x));
  }

  std::shared_ptr<nn::LayerNorm> norm_;
  nn::Linear classes_;
  Mlp boxes_;
};

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const DetrSettings s(c);
  const DetrBackbone backbone = detr_backbone(c, false);
  add_resnet(model, backbone.tower);
  model.add<Projection>("projection", Span::neck, "model", backbone.channels(backbone.stages[0]),
                        s);
  // What is learned of them belongs to the first block that reads them.
  const Positions positions =
      make_map_positions(c, nn::Scope(model.registry(), "model", model.size()), s.width);
  for (int64_t i = 0; i < s.encoder_layers; ++i)
    model.add<Encoder>(fmt::format("encoder {}", i), Span::neck,
                       fmt::format("model.encoder.layers.{}", i), s, positions);
  DecoderEnd end;
  for (int64_t i = 0; i < s.decoder_layers; ++i)
    model.add<Decoder>(fmt::format("decoder {}", i), Span::head, "model", s, i, positions, end);
  model.add<Head>("head", Span::head, "", s, classes, end);
  model.add_class_rows("class_labels_classifier", {.after = 1});
}

/// As DETR's authors do it; the backbone as ResNet's do.
void init(Model& model, const nn::Init& random) {
  init_resnet(model, random);
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::embedding) random.normal(p.name, *p.value, 1);
    if (p.role != nn::Role::weight || model.block_span(p.block) == Span::backbone) continue;
    const auto in = static_cast<double>(p.value->numel() / p.value->size(0));
    const auto out = static_cast<double>(p.value->size(0));
    const bool transformer = p.name.starts_with("model.") && p.value->dim() == 2;
    random.uniform(p.name, *p.value, transformer ? std::sqrt(6 / (in + out)) : 1 / std::sqrt(in));
  }
}

}  // namespace

Family detr() {
  Family f;
  f.name = "detr";
  f.summary = "DETR: a transformer that finds each object once, on a ResNet";
  f.source = "Carion et al. 2020, arXiv:2005.12872";
  f.model_types = {"detr"};
  f.architectures = {{Task::boxes, "DetrForObjectDetection"}};
  f.base_prefix = "model.";
  f.build = build;
  f.init = init;
  add_detr_names(f);
  f.unpack = drop_batch_counts;
  f.complete = [](Checkpoint& checkpoint) {
    complete_detr(checkpoint.config, "DetrImageProcessor");
  };
  f.detector = [](const Model& model) {
    return make_set_detector(model, SetLossRule::softmax(model.config()));
  };
  return f;
}

}  // namespace graft::models
