#include <fmt/format.h>
#include <torch/types.h>

#include "graft/models/classifier.h"
#include "graft/models/family.h"
#include "graft/nn/conv_norm.h"

namespace graft::models {
namespace {

/// A 3x3 convolution with stride 2, a batch norm and a ReLU; the last one also pools.
class Stage final : public Block {
 public:
  Stage(const nn::Scope& scope, int64_t in, int64_t out, bool last)
      : conv_(scope, options(in, out), nn::Activation::relu, 1e-5, 0.1), last_(last) {}

  nn::Flow forward(nn::Flow flow, nn::Context&) override {
    const at::Tensor& x = flow.at(flow.has("pixels") ? "pixels" : "x");
    const at::Tensor y = conv_(x.contiguous(at::MemoryFormat::ChannelsLast));
    if (last_) return {"features", y.mean({2, 3})};
    return {"x", y};
  }

 private:
  static nn::ConvOptions options(int64_t in, int64_t out) {
    nn::ConvOptions o;
    o.in = in;
    o.out = out;
    o.kernel = {3, 3};
    o.stride = {2, 2};
    o.padding = {1, 1};
    return o;
  }
  nn::ConvNorm conv_;
  bool last_;
};

void build(Model& model, int64_t classes) {
  const auto widths = config_integers(model.config(), "widths", {16, 32, 64});
  if (widths.size() > 64) {
    fail_unreadable("config.json: widths has {} numbers, 64 are allowed", widths.size());
  }
  int64_t in = 3;
  for (size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] < 1 || widths[i] > 4096) {
      fail_unreadable("config.json: widths must be from 1 to 4096, got {}", widths[i]);
    }
    model.add<Stage>(i == 0 ? "stem" : fmt::format("block {}", i - 1), Span::backbone,
                     fmt::format("plain_net.stages.{}", i), in, widths[i], i + 1 == widths.size());
    in = widths[i];
  }
  add_classifier(model, "classifier", in, classes);
}

void init(Model& model, const nn::Init& random) {
  for (auto& p : model.registry().parameters) {
    if (p.role == nn::Role::weight) random.kaiming_normal(p.name, *p.value);
  }
}

}  // namespace

Family plain_net() {
  Family f;
  f.name = "plain_net";
  f.summary = "3x3 convolutions with stride 2, one after the other";
  f.model_types = {"plain_net"};
  f.architectures = {{Task::classes, "PlainNetForImageClassification"}};
  f.base_prefix = "plain_net.";
  f.build = build;
  f.init = init;
  return f;
}

}  // namespace graft::models
