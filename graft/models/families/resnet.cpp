#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/models/classifier.h"
#include "graft/models/dialects.h"
#include "graft/models/family.h"
#include "graft/nn/conv_norm.h"

namespace graft::models {
namespace {

using nn::Activation;

constexpr double kEps = 1e-5;
constexpr double kMomentum = 0.1;

std::unique_ptr<nn::ConvNorm> conv(const nn::Scope& scope, int64_t in, int64_t out, int64_t kernel,
                                   int64_t stride, Activation activation) {
  nn::ConvOptions o;
  o.in = in;
  o.out = out;
  o.kernel = {kernel, kernel};
  o.stride = {stride, stride};
  o.padding = {kernel / 2, kernel / 2};
  return std::make_unique<nn::ConvNorm>(scope, o, activation, kEps, kMomentum);
}

class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, int64_t in, int64_t out, Activation activation)
      : conv_(conv(scope, in, out, 7, 2, activation)) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor x = (*conv_)(flow.at("pixels").contiguous(at::MemoryFormat::ChannelsLast));
    return {"x", at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1})};
  }

 private:
  std::unique_ptr<nn::ConvNorm> conv_;
};

struct Shape {
  int64_t in, out, stride;
  bool bottleneck, stride_first, last;
  Activation activation;
};

/// One residual layer; the last one of the chain also takes the mean over the picture.
class Residual final : public Block {
 public:
  Residual(const nn::Scope& scope, const Shape& s) : last_(s.last) {
    if (s.in != s.out || s.stride != 1)
      shortcut_ = conv(scope / "shortcut", s.in, s.out, 1, s.stride, Activation::none);
    const nn::Scope layer = scope / "layer";
    if (s.bottleneck) {
      const int64_t narrow = s.out / 4;
      branch_.push_back(
          conv(layer / "0", s.in, narrow, 1, s.stride_first ? s.stride : 1, Activation::relu));
      branch_.push_back(
          conv(layer / "1", narrow, narrow, 3, s.stride_first ? 1 : s.stride, Activation::relu));
      branch_.push_back(conv(layer / "2", narrow, s.out, 1, 1, s.activation));
    } else {
      branch_.push_back(conv(layer / "0", s.in, s.out, 3, s.stride, Activation::relu));
      branch_.push_back(conv(layer / "1", s.out, s.out, 3, 1, s.activation));
    }
  }
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor& x = flow.at("x");
    const at::Tensor residual = shortcut_ ? (*shortcut_)(x) : x;
    at::Tensor y = x;
    for (size_t i = 0; i + 1 < branch_.size(); ++i) y = (*branch_[i])(y);
    y = (*branch_.back())(y, residual);
    if (last_) return {"features", y.mean({2, 3})};
    return {"x", y};
  }

 private:
  bool last_;
  std::unique_ptr<nn::ConvNorm> shortcut_;
  std::vector<std::unique_ptr<nn::ConvNorm>> branch_;  // the last one adds the shortcut
};

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const auto widths = config_integers(c, "hidden_sizes", {256, 512, 1024, 2048});
  const auto depths = config_integers(c, "depths", {3, 4, 6, 3});
  const int64_t first = config_integer(c, "embedding_size", 64);
  const std::string type = config_text(c, "layer_type", "bottleneck");
  const Activation activation =
      nn::parse_activation(config_text(c, "hidden_act", "relu"), "config.json: hidden_act");
  if (widths.size() != depths.size() || (type != "basic" && type != "bottleneck")) {
    fail_unreadable(
        "config.json: hidden_sizes and depths must be equally long and layer_type basic or "
        "bottleneck");
  }
  model.add<Stem>("stem", Span::backbone, "resnet.embedder.embedder",
                  config_integer(c, "num_channels", 3), first, activation);
  int64_t in = first;
  int index = 0;
  for (size_t stage = 0; stage < depths.size(); ++stage) {
    for (int64_t layer = 0; layer < depths[stage]; ++layer) {
      const bool strides =
          layer == 0 && (stage > 0 || config_flag(c, "downsample_in_first_stage", false));
      const Shape shape{in,
                        widths[stage],
                        strides ? 2 : 1,
                        type == "bottleneck",
                        config_flag(c, "downsample_in_bottleneck", false),
                        stage + 1 == depths.size() && layer + 1 == depths[stage],
                        activation};
      model.add<Residual>(fmt::format("block {}", index++), Span::backbone,
                          fmt::format("resnet.encoder.stages.{}.layers.{}", stage, layer), shape);
      in = widths[stage];
    }
  }
  add_classifier(model, "classifier.1", in, classes);
}

void init(Model& model, const nn::Init& random) {
  for (auto& p : model.registry().parameters) {
    if (p.role != nn::Role::weight) continue;
    if (p.value->dim() == 4)
      random.kaiming_normal(p.name, *p.value);
    else
      random.uniform(p.name, *p.value, 1 / std::sqrt(static_cast<double>(p.value->size(1))));
  }
}

}  // namespace

Family resnet() {
  Family f;
  f.name = "resnet";
  f.summary = "ResNet 18 to 152 (v1.5), basic or bottleneck layers";
  f.source = "He et al. 2015, arXiv:1512.03385";
  f.model_types = {"resnet"};
  f.architectures = {{Task::classes, "ResNetForImageClassification"}};
  f.base_prefix = "resnet.";
  f.build = build;
  f.init = init;
  f.adopt = adopt_resnet;
  return f;
}

}  // namespace graft::models
