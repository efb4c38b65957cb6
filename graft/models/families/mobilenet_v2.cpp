#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/nn/conv_norm.h"

namespace graft::models {
namespace {

constexpr int kLayers = 16;

/// Channels rounded to what hardware likes, never by more than 10 % down (Sandler et al. 2018,
/// code).
int64_t make_divisible(double value, int64_t divisor, int64_t least) {
  int64_t rounded = std::max(
      least, static_cast<int64_t>(value + static_cast<double>(divisor) / 2) / divisor * divisor);
  if (static_cast<double>(rounded) < 0.9 * value) rounded += divisor;
  return rounded;
}

struct Settings {
  explicit Settings(const Json& c)
      : multiplier(config_number(c, "depth_multiplier", 1.0)),
        divisor(config_integer(c, "depth_divisible_by", 8)),
        least(config_integer(c, "min_depth", 8)),
        expand(config_number(c, "expand_ratio", 6)),
        output_stride(config_integer(c, "output_stride", 32)),
        first_is_expansion(config_flag(c, "first_layer_is_expansion", true)),
        finegrained(config_flag(c, "finegrained_output", true)),
        tf_padding(config_flag(c, "tf_padding", true)),
        dropout(config_number(c, "classifier_dropout_prob", 0.8)),
        eps(config_number(c, "layer_norm_eps", 0.001)),
        momentum(config_number(c, "batch_norm_momentum", 0.001)),
        activation(nn::parse_activation(config_text(c, "hidden_act", "relu6"),
                                        "config.json: hidden_act")) {
    if (divisor < 1 || multiplier <= 0 || multiplier > 100 || expand <= 0 || expand > 100) {
      fail_unreadable(
          "config.json: depth_multiplier, depth_divisible_by and expand_ratio must be positive and "
          "sane");
    }
  }
  int64_t channels(int64_t base) const {
    return make_divisible(std::nearbyint(static_cast<double>(base) * multiplier), divisor, least);
  }
  int64_t expanded(int64_t in) const {
    return make_divisible(std::nearbyint(static_cast<double>(in) * expand), divisor, least);
  }

  double multiplier;
  int64_t divisor, least;
  double expand;
  int64_t output_stride;
  bool first_is_expansion, finegrained, tf_padding;
  double dropout, eps, momentum;
  nn::Activation activation;
};

nn::ConvNorm conv(const nn::Scope& scope, const Settings& s, int64_t in, int64_t out,
                  int64_t kernel, int64_t stride, int64_t dilation, int64_t groups,
                  nn::Activation activation) {
  nn::ConvOptions o;
  o.in = in;
  o.out = out;
  o.kernel = {kernel, kernel};
  o.stride = {stride, stride};
  o.dilation = {dilation, dilation};
  o.groups = groups;
  o.same_padding = s.tf_padding;
  const int64_t side = (kernel - 1) / 2 * dilation;
  o.padding = {side, side};
  return {scope, o, activation, s.eps, s.momentum};
}

class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, const Settings& s, int64_t in, int64_t out)
      : first_(conv(scope / "first_conv", s, in, s.channels(32), 3, 2, 1, 1, s.activation)),
        depthwise_(nullptr),
        reduce_(nullptr) {
    const int64_t width = s.channels(32);
    if (!s.first_is_expansion) {
      expand_ = make(scope / "expand_1x1", s, width, width, 1, 1, s.activation);
    }
    depthwise_ = make(scope / "conv_3x3", s, width, width, 3, width, s.activation);
    reduce_ = make(scope / "reduce_1x1", s, width, out, 1, 1, nn::Activation::none);
  }
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    at::Tensor x = first_(flow.at("pixels").contiguous(at::MemoryFormat::ChannelsLast));
    if (expand_) x = (*expand_)(x);
    return {"x", (*reduce_)((*depthwise_)(x))};
  }

 private:
  static std::unique_ptr<nn::ConvNorm> make(const nn::Scope& scope, const Settings& s, int64_t in,
                                            int64_t out, int64_t kernel, int64_t groups,
                                            nn::Activation activation) {
    nn::ConvOptions o;
    o.in = in;
    o.out = out;
    o.kernel = {kernel, kernel};
    o.groups = groups;
    o.same_padding = s.tf_padding;
    o.padding = {(kernel - 1) / 2, (kernel - 1) / 2};
    return std::make_unique<nn::ConvNorm>(scope, o, activation, s.eps, s.momentum);
  }
  nn::ConvNorm first_;
  std::unique_ptr<nn::ConvNorm> expand_, depthwise_, reduce_;
};

class InvertedResidual final : public Block {
 public:
  InvertedResidual(const nn::Scope& scope, const Settings& s, int64_t in, int64_t out,
                   int64_t stride, int64_t dilation)
      : residual_(stride == 1 && in == out),
        expand_(conv(scope / "expand_1x1", s, in, s.expanded(in), 1, 1, 1, 1, s.activation)),
        depthwise_(conv(scope / "conv_3x3", s, s.expanded(in), s.expanded(in), 3, stride, dilation,
                        s.expanded(in), s.activation)),
        reduce_(
            conv(scope / "reduce_1x1", s, s.expanded(in), out, 1, 1, 1, 1, nn::Activation::none)) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor& x = flow.at("x");
    return {"x", reduce_(depthwise_(expand_(x)), residual_ ? x : at::Tensor())};
  }

 private:
  bool residual_;
  nn::ConvNorm expand_, depthwise_, reduce_;
};

/// The last 1x1 convolution, then the mean over the picture.
class Top final : public Block {
 public:
  Top(const nn::Scope& scope, const Settings& s, int64_t in, int64_t out)
      : conv_(conv(scope, s, in, out, 1, 1, 1, 1, s.activation)) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    return {"features", conv_(flow.at("x")).mean({2, 3})};
  }

 private:
  nn::ConvNorm conv_;
};

void build(Model& model, int64_t classes) {
  const Settings s(model.config());
  const int64_t base[] = {16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320};
  const int64_t strides[] = {2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1};
  model.add<Stem>("stem", Span::backbone, "mobilenet_v2.conv_stem", s,
                  config_integer(model.config(), "num_channels", 3), s.channels(base[0]));
  int64_t reached = 2;
  int64_t dilation = 1;
  for (int i = 0; i < kLayers; ++i) {
    int64_t stride = strides[i];
    int64_t block_dilation = 1;
    if (reached == s.output_stride) {  // a denser output: strides become dilations
      block_dilation = dilation;
      dilation *= stride;
      stride = 1;
    } else {
      reached *= stride;
    }
    model.add<InvertedResidual>(fmt::format("block {}", i), Span::backbone,
                                fmt::format("mobilenet_v2.layer.{}", i), s, s.channels(base[i]),
                                s.channels(base[i + 1]), stride, block_dilation);
  }
  const int64_t top = s.finegrained && s.multiplier < 1 ? 1280 : s.channels(1280);
  model.add<Top>(fmt::format("block {}", kLayers), Span::backbone, "mobilenet_v2.conv_1x1", s,
                 s.channels(base[kLayers]), top);
  add_classifier(model, "classifier", top, classes, s.dropout);
}

void init(Model& model, const nn::Init& random) {
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::weight) random.kaiming_normal(p.name, *p.value);
  }
}

}  // namespace

Family mobilenet_v2() {
  Family f;
  f.name = "mobilenet_v2";
  f.summary = "MobileNetV2: inverted residuals with linear bottlenecks, for small machines";
  f.source = "Sandler et al. 2018, arXiv:1801.04381";
  f.model_types = {"mobilenet_v2"};
  f.architectures = {{Task::classes, "MobileNetV2ForImageClassification"}};
  f.base_prefix = "mobilenet_v2.";
  f.build = build;
  f.init = init;
  return f;
}

}  // namespace graft::models
