#include "graft/models/vision_tower.h"

#include <torch/types.h>

#include <optional>

#include "graft/base/error.h"

namespace graft::models {
namespace {

class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, const PatchSettings& settings) : embeddings_(scope, settings) {}
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    return {"x", embeddings_(flow.at("pixels"), context)};
  }

 private:
  PatchEmbeddings embeddings_;
};

class Layer final : public Block {
 public:
  Layer(const nn::Scope& tower, const VisionTower& t, int64_t index)
      : layer_(tower / t.layers / std::to_string(index), t.encoder) {
    if (index + 1 < t.encoder.layers) return;
    norm_.emplace(tower / "layernorm", t.encoder.width, t.encoder.eps);
    kept_ = t.kept;
    pool_ = t.pool;
  }
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    const at::Tensor x = layer_(flow.at("x"), context, kept_);
    return norm_ ? pool_((*norm_)(x)) : nn::Flow("x", x);
  }

 private:
  EncoderLayer layer_;
  std::optional<nn::LayerNorm> norm_;
  int64_t kept_ = 0;
  std::function<nn::Flow(const at::Tensor&)> pool_;
};

}  // namespace

void add_vision_tower(Model& model, const VisionTower& t) {
  model.add<Stem>("stem", Span::backbone, t.path + ".embeddings", t.patches);
  for (int64_t i = 0; i < t.encoder.layers; ++i) {
    model.add<Layer>(fmt::format("block {}", i), Span::backbone, t.path, t, i);
  }
}

}  // namespace graft::models
