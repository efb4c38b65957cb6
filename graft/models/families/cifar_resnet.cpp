#include <torch/types.h>

#include <cmath>

#include "graft/base/error.h"
#include "graft/models/classifier.h"
#include "graft/models/dialects.h"
#include "graft/models/family.h"
#include "graft/nn/conv_norm.h"

namespace graft::models {
namespace {

std::unique_ptr<nn::ConvNorm> conv(const nn::Scope& scope, int64_t in, int64_t out, int64_t stride,
                                   nn::Activation activation, int number) {
  nn::ConvOptions o;
  o.in = in;
  o.out = out;
  o.kernel = {3, 3};
  o.stride = {stride, stride};
  o.padding = {1, 1};
  return std::make_unique<nn::ConvNorm>(scope, o, activation, 1e-5, 0.1,
                                        fmt::format("conv{}", number), fmt::format("bn{}", number));
}

class Stem final : public Block {
 public:
  Stem(const nn::Scope& scope, int64_t in, int64_t out)
      : conv_(conv(scope, in, out, 1, nn::Activation::relu, 1)) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    return {"x", (*conv_)(flow.at("pixels").contiguous(at::MemoryFormat::ChannelsLast))};
  }

 private:
  std::unique_ptr<nn::ConvNorm> conv_;
};

/// Two convolutions and a shortcut without weights (option A of the paper): every second pixel, and
/// zeros for the channels that are new. The last layer of the chain takes the mean over the
/// picture.
class Residual final : public Block {
 public:
  Residual(const nn::Scope& scope, int64_t in, int64_t out, int64_t stride, bool last)
      : first_(conv(scope, in, out, stride, nn::Activation::relu, 1)),
        second_(conv(scope, out, out, 1, nn::Activation::relu, 2)),
        stride_(stride),
        padding_((out - in) / 2),
        last_(last) {}
  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor& x = flow.at("x");
    const at::Tensor y = (*second_)((*first_)(x), shortcut(x));
    if (last_) return {"features", y.mean({2, 3})};
    return {"x", y};
  }

 private:
  at::Tensor shortcut(const at::Tensor& x) const {
    at::Tensor y = x;
    if (stride_ != 1) y = y.slice(2, 0, c10::nullopt, stride_).slice(3, 0, c10::nullopt, stride_);
    if (padding_ != 0) y = at::constant_pad_nd(y, {0, 0, 0, 0, padding_, padding_});
    return y;
  }
  std::unique_ptr<nn::ConvNorm> first_, second_;
  int64_t stride_, padding_;
  bool last_;
};

void build(Model& model, int64_t classes) {
  const Json& c = model.config();
  const auto widths = config_integers(c, "hidden_sizes", {16, 32, 64});
  const auto depths = config_integers(c, "depths", {3, 3, 3});
  bool sane = widths.size() == depths.size();
  for (size_t i = 0; i < depths.size() && sane; ++i) {
    const int64_t grown = i == 0 ? 0 : widths[i] - widths[i - 1];
    sane = depths[i] > 0 && depths[i] <= 1000 && widths[i] > 0 && widths[i] <= 65536 &&
           grown >= 0 && grown % 2 == 0;
  }
  if (!sane) {
    fail_unreadable(
        "config.json: hidden_sizes and depths must be equally long lists of positive numbers, and "
        "widths must grow by even numbers, for instance [16, 32, 64]");
  }
  model.add<Stem>("stem", Span::backbone, "", config_integer(c, "num_channels", 3), widths.front());
  int64_t in = widths.front();
  int index = 0;
  for (size_t stage = 0; stage < depths.size(); ++stage) {
    for (int64_t layer = 0; layer < depths[stage]; ++layer) {
      const bool last = stage + 1 == depths.size() && layer + 1 == depths[stage];
      model.add<Residual>(fmt::format("block {}", index++), Span::backbone,
                          fmt::format("layer{}.{}", stage + 1, layer), in, widths[stage],
                          stage > 0 && layer == 0 ? 2 : 1, last);
      in = widths[stage];
    }
  }
  add_classifier(model, "linear", in, classes);
}

void init(Model& model, const nn::Init& random) {
  for (auto& p : model.registry().parameters) {
    if (p.role != nn::Role::weight) continue;
    const int64_t fan_in = p.value->numel() / p.value->size(0);
    random.normal(p.name, *p.value, std::sqrt(2 / static_cast<double>(fan_in)));
  }
}

}  // namespace

Family cifar_resnet() {
  Family f;
  f.name = "cifar_resnet";
  f.summary = "The small ResNets for 32 x 32 images: ResNet-20, 32, 44, 56, 110";
  f.source = "He et al. 2015, arXiv:1512.03385, section 4.2";
  f.model_types = {"cifar_resnet"};
  f.architectures = {{Task::classes, "CifarResNetForImageClassification"}};
  f.build = build;
  f.init = init;
  f.adopt = adopt_cifar_resnet;
  return f;
}

}  // namespace graft::models
