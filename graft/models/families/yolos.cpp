#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/models/detr/set_detector.h"
#include "graft/models/encoder_layer.h"
#include "graft/models/family.h"
#include "graft/models/mlp.h"
#include "graft/models/patch_embeddings.h"

namespace graft::models {
namespace {

/// Positions that are added again behind each layer but the last: a table a layer, which belongs to
/// the first one.
class MidPositions {
 public:
  MidPositions(const nn::Scope& scope, const PatchSettings& settings, int64_t tables)
      : settings_(settings),
        tables_(at::zeros({tables, 1, 1 + settings.extra + settings.grid[0] * settings.grid[1],
                           settings.width})) {
    scope.add("mid_position_embeddings", tables_, nn::Role::embedding);
  }
  /// Behind layer i, for a grid [B, rows, columns].
  at::Tensor of(int64_t i, const at::Tensor& grid) const {
    return token_positions(tables_[i], settings_, grid.size(1), grid.size(2));
  }

 private:
  PatchSettings settings_;
  at::Tensor tables_;
};

/// Tokens "x": class token, detection tokens, patches; with `hands_grid` also "grid" [B, rows,
/// columns], whose shape alone says how the patches lie.
class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, const PatchSettings& settings, bool hands_grid)
      : embeddings_(scope, settings), hands_grid_(hands_grid) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    const at::Tensor& pixels = flow.at("pixels");
    nn::Flow result("x", embeddings_(pixels, context));
    if (hands_grid_) {
      const auto [rows, columns] = embeddings_.grid_of(pixels);
      result["grid"] = at::ones({1, 1, 1}, pixels.options().dtype(at::kByte))
                           .expand({pixels.size(0), rows, columns});
    }
    return result;
  }

 private:
  PatchEmbeddings embeddings_;
  bool hands_grid_;
};

/// What all layers share.
struct Tower {
  EncoderSettings encoder;
  PatchSettings patches;
  bool mid;
  std::shared_ptr<MidPositions> positions = nullptr;  // made by the first layer
};

class Layer final : public Block {
 public:
  Layer(const nn::Scope& encoder, Tower& tower, int64_t index)
      : index_(index), layer_(encoder / "layer" / std::to_string(index), tower.encoder) {
    if (!tower.mid) return;
    if (!tower.positions)
      tower.positions = std::make_shared<MidPositions>(encoder / "interpolation", tower.patches,
                                                       tower.encoder.layers - 1);
    positions_ = tower.positions;
  }
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    at::Tensor x = layer_(flow.at("x"), context);
    if (!positions_) return {"x", x};
    const at::Tensor grid = flow.at("grid");
    nn::Flow result("x", x + nn::cast_like(positions_->of(index_, grid), x));
    result["grid"] = grid;
    return result;
  }

 private:
  int64_t index_;
  EncoderLayer layer_;
  std::shared_ptr<MidPositions> positions_;
};

/// The last layer, which only the detection tokens leave: "features" [B, Q, width].
class LastLayer final : public Block {
 public:
  LastLayer(const nn::Scope& model, const Tower& tower)
      : special_(1 + tower.patches.extra),
        layer_(model / "encoder" / "layer" / std::to_string(tower.encoder.layers - 1),
               tower.encoder),
        norm_(model / "layernorm", tower.encoder.width, tower.encoder.eps) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    const at::Tensor x = layer_(flow.at("x"), context, special_);
    return {"features", norm_(x.narrow(1, 1, special_ - 1))};
  }

 private:
  int64_t special_;
  EncoderLayer layer_;
  nn::LayerNorm norm_;
};

class Head final : public Block {
 public:
  Head(const nn::Scope& root, int64_t width, int64_t classes)
      : classes_(root / "class_labels_classifier", {width, width, width, classes + 1}),
        boxes_(root / "bbox_predictor", {width, width, width, 4}) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor& x = flow.at("features");
    nn::Flow result("logits", classes_(x));
    result["boxes"] = at::sigmoid(boxes_(x));
    return result;
  }

 private:
  Mlp classes_, boxes_;
};

Tower tower_of(const Json& c) {
  Tower t{.encoder = EncoderSettings(c, 1e-12),
          .patches = PatchSettings(c, 16),
          .mid = config_flag(c, "use_mid_position_embeddings", true)};
  t.encoder.inner = config_integer(c, "intermediate_size", 3072);
  t.encoder.attention = "attention.attention";
  t.encoder.qkv = {"query", "key", "value"};
  t.encoder.attention_out = "attention.output.dense";
  t.encoder.inner_dense = "intermediate.dense";
  t.encoder.outer_dense = "output.dense";
  t.patches.extra_name = "detection_tokens";
  t.patches.extra = config_integer(c, "num_detection_tokens", 100);
  t.patches.extra_at_end = true;
  if (t.patches.extra < 1 || t.patches.extra > 100'000)
    fail_unreadable("config.json: num_detection_tokens must be from 1 to 100,000, got {}",
                    t.patches.extra);
  if (config_flag(c, "auxiliary_loss", false))
    fail_unreadable(
        "config.json: auxiliary_loss is true, but a YOLOS model has no boxes behind its lower "
        "layers; set it to false");
  t.mid = t.mid && t.encoder.layers > 1;
  return t;
}

void build(Model& model, int64_t classes) {
  Tower t = tower_of(model.config());
  model.add<Stem>("stem", Span::backbone, "vit.embeddings", t.patches, t.mid);
  int64_t i = 0;
  for (; i + 1 < t.encoder.layers; ++i)
    model.add<Layer>(fmt::format("block {}", i), Span::backbone, "vit.encoder", t, i);
  model.add<LastLayer>(fmt::format("block {}", i), Span::backbone, "vit", t);
  model.add<Head>("head", Span::head, "", t.encoder.width, classes);
  model.add_class_rows("class_labels_classifier.layers.2", {.after = 1});
}

void init(Model& model, const nn::Init& random) {
  init_encoder(model, random);
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::weight && model.block_span(p.block) == Span::head)
      random.uniform(p.name, *p.value, 1 / std::sqrt(static_cast<double>(p.value->size(1))));
  }
}

/// Pictures of the size that the positions are for.
void complete(Checkpoint& checkpoint) {
  Json& c = checkpoint.config;
  if (!c.contains("image_size")) c["image_size"] = {512, 864};
  if (c.contains("preprocessor")) return;
  const Json size = c["image_size"];
  const bool pair = size.is_array() && size.size() == 2;
  c["preprocessor"] = {
      {"image_processor_type", "YolosImageProcessor"},
      {"size", {{"height", pair ? size[0] : size}, {"width", pair ? size[1] : size}}}};
}

}  // namespace

Family yolos() {
  Family f;
  f.name = "yolos";
  f.summary = "YOLOS: a Vision Transformer with tokens that say where objects are";
  f.source = "Fang et al. 2021, arXiv:2106.00666";
  f.model_types = {"yolos"};
  f.architectures = {{Task::boxes, "YolosForObjectDetection"}};
  f.base_prefix = "vit.";
  f.build = build;
  f.init = init;
  f.read = {
      {R"(encoder\.mid_position_embeddings)", "encoder.interpolation.mid_position_embeddings"}};
  f.write = {
      {R"(encoder\.interpolation\.mid_position_embeddings)", "encoder.mid_position_embeddings"}};
  f.complete = complete;
  f.detector = [](const Model& model) {
    return make_set_detector(model, SetLossRule::softmax(model.config()));
  };
  return f;
}

}  // namespace graft::models
