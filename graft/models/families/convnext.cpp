#include <torch/types.h>

#include <optional>

#include "graft/base/error.h"
#include "graft/models/classifier.h"
#include "graft/models/dialects.h"
#include "graft/models/encoder_layer.h"
#include "graft/models/family.h"
#include "graft/nn/conv.h"
#include "graft/nn/dropout.h"

namespace graft::models {
namespace {

constexpr double kEps = 1e-6;  // of every norm but the last

/// A convolution whose patches do not overlap, as in stem and downsampling.
nn::ConvOptions patches(int64_t in, int64_t out, int64_t size) {
  nn::ConvOptions o;
  o.in = in;
  o.out = out;
  o.kernel = {size, size};
  o.stride = {size, size};
  o.bias = true;
  return o;
}

nn::ConvOptions depthwise(int64_t width) {
  nn::ConvOptions o;
  o.in = width;
  o.out = width;
  o.kernel = {7, 7};
  o.padding = {3, 3};
  o.groups = width;
  o.bias = true;
  return o;
}

/// x [B, C, H, W] normalised over C; in channels-last memory both permutations are free.
at::Tensor over_channels(const nn::LayerNorm& norm, const at::Tensor& x) {
  return norm(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, int64_t in, int64_t out, int64_t patch)
      : conv_(scope / "patch_embeddings", patches(in, out, patch)),
        norm_(scope / "layernorm", out, kEps) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor x = conv_(flow.at("pixels").contiguous(at::MemoryFormat::ChannelsLast));
    return {"x", over_channels(norm_, x)};
  }

 private:
  nn::Conv2d conv_;
  nn::LayerNorm norm_;
};

struct Shape {
  std::string stage;  ///< "encoder.stages.1"
  int64_t layer;      ///< index within the stage
  int64_t in, out;    ///< channels; the stage's first layer widens where it downsamples
  bool downsamples, last;
  double layer_scale;  ///< initial value; 0 means none
  double drop_path, final_eps;
  nn::Activation activation;
};

/// One layer; a stage's first one also holds the downsampling before it, the last one of all the
/// pooling after it.
class Layer final : public Block {
 public:
  Layer(const nn::Scope& scope, const Shape& s)
      : drop_path_(s.drop_path),
        activation_(s.activation),
        conv_(layer(scope, s) / "dwconv", depthwise(s.out)),
        norm_(layer(scope, s) / "layernorm", s.out, kEps),
        wide_(layer(scope, s) / "pwconv1", s.out, 4 * s.out),
        narrow_(layer(scope, s) / "pwconv2", 4 * s.out, s.out) {
    if (s.downsamples) {
      const nn::Scope before = scope / s.stage / "downsampling_layer";
      before_norm_.emplace(before / "0", s.in, kEps);
      before_conv_.emplace(before / "1", patches(s.in, s.out, 2));
    }
    if (s.layer_scale > 0) {
      scale_ = at::full({s.out}, s.layer_scale);
      layer(scope, s).add("layer_scale_parameter", scale_, nn::Role::scale);
    }
    if (s.last) final_norm_.emplace(scope / "layernorm", s.out, s.final_eps);
  }
  nn::Flow forward(nn::Flow flow, nn::Context& context) override {
    at::Tensor x = flow.at("x");
    if (before_conv_) x = (*before_conv_)(over_channels(*before_norm_, x));
    at::Tensor y = norm_(conv_(x).permute({0, 2, 3, 1}));
    y = narrow_(nn::activate(activation_, wide_(y)));
    if (scale_.defined()) y = y * nn::cast_like(scale_, y);
    x = x + nn::drop_path(y.permute({0, 3, 1, 2}), drop_path_, context);
    if (final_norm_) return {"features", (*final_norm_)(x.mean({2, 3}))};
    return {"x", x};
  }

 private:
  static nn::Scope layer(const nn::Scope& scope, const Shape& s) {
    return scope / s.stage / "layers" / std::to_string(s.layer);
  }
  double drop_path_;
  nn::Activation activation_;
  std::optional<nn::LayerNorm> before_norm_;
  std::optional<nn::Conv2d> before_conv_;
  nn::Conv2d conv_;
  nn::LayerNorm norm_;
  nn::Linear wide_, narrow_;
  at::Tensor scale_;
  std::optional<nn::LayerNorm> final_norm_;
};

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const auto widths = config_integers(c, "hidden_sizes", {96, 192, 384, 768});
  const auto depths = config_integers(c, "depths", {3, 3, 9, 3});
  const int64_t patch = config_integer(c, "patch_size", 4);
  int64_t layers = 0;
  bool sane = widths.size() == depths.size() && patch > 0 && patch <= 1024;
  for (size_t i = 0; i < depths.size() && sane; ++i) {
    sane = depths[i] > 0 && depths[i] <= 1000 && widths[i] > 0 && widths[i] <= 65536;
    layers += depths[i];
  }
  if (!sane) {
    fail_unreadable(
        "config.json: hidden_sizes and depths must be equally long lists of positive numbers, and "
        "patch_size from 1 to 1,024");
  }
  model.add<Stem>("stem", Span::backbone, "convnext.embeddings",
                  config_integer(c, "num_channels", 3), widths.front(), patch);
  const double drop_path = config_number(c, "drop_path_rate", 0);
  int64_t in = widths.front();
  int64_t index = 0;
  for (size_t stage = 0; stage < depths.size(); ++stage) {
    for (int64_t layer = 0; layer < depths[stage]; ++layer) {
      const double share =
          layers > 1 ? static_cast<double>(index) / static_cast<double>(layers - 1) : 0;
      const Shape shape{.stage = fmt::format("encoder.stages.{}", stage),
                        .layer = layer,
                        .in = in,
                        .out = widths[stage],
                        .downsamples = stage > 0 && layer == 0,
                        .last = index + 1 == layers,
                        .layer_scale = config_number(c, "layer_scale_init_value", 1e-6),
                        .drop_path = drop_path * share,
                        .final_eps = config_number(c, "layer_norm_eps", 1e-12),
                        .activation = nn::parse_activation(config_text(c, "hidden_act", "gelu"),
                                                           "config.json: hidden_act")};
      model.add<Layer>(fmt::format("block {}", index++), Span::backbone, "convnext", shape);
      in = widths[stage];
    }
  }
  add_classifier(model, "classifier", in, classes);
}

}  // namespace

Family convnext() {
  Family f;
  f.name = "convnext";
  f.summary = "ConvNeXt: a convolutional network with the design of transformers";
  f.source = "Liu et al. 2022, arXiv:2201.03545";
  f.model_types = {"convnext"};
  f.architectures = {{Task::classes, "ConvNextForImageClassification"}};
  f.base_prefix = "convnext.";
  f.build = build;
  f.init = init_encoder;
  f.adopt = adopt_convnext;
  return f;
}

}  // namespace graft::models
