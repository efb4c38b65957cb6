#include "graft/models/rt_detr/csp.h"

#include <torch/types.h>

#include <cmath>

namespace graft::models::rtdetr {
namespace {

using nn::Activation;

constexpr double kMomentum = 0.1;

class Elan final : public MapLayer {
 public:
  Elan(const nn::Scope& scope, const Settings& s)
      : half_(s.width),
        middle_(static_cast<int64_t>(std::floor(s.expansion * static_cast<double>(s.width) / 2))) {
    // transformers has this activation here whatever the config says.
    constexpr Activation kOuter = Activation::silu;
    first_ = unit(scope / "conv1", s, 2 * s.width, 2 * s.width, 1, kOuter);
    csp1_ = std::make_unique<CspRep>(scope / "csp_rep1", s, half_, middle_, middle_);
    conv1_ = unit(scope / "conv2", s, middle_, middle_, 3, kOuter);
    csp2_ = std::make_unique<CspRep>(scope / "csp_rep2", s, middle_, middle_, middle_);
    conv2_ = unit(scope / "conv3", s, middle_, middle_, 3, kOuter);
    last_ = unit(scope / "conv4", s, 2 * s.width + 2 * middle_, s.width, 1, kOuter);
  }
  at::Tensor operator()(const at::Tensor& x) override {
    const at::Tensor both = (*first_)(x);
    const at::Tensor one = (*conv1_)((*csp1_)(both.narrow(1, half_, half_)));
    const at::Tensor two = (*conv2_)((*csp2_)(one));
    return (*last_)(at::cat({both, one, two}, 1));
  }

 private:
  int64_t half_, middle_;
  std::unique_ptr<nn::ConvNorm> first_, conv1_, conv2_, last_;
  std::unique_ptr<CspRep> csp1_, csp2_;
};

/// Convolutions one after the other.
class Units final : public MapLayer {
 public:
  explicit Units(std::vector<std::unique_ptr<nn::ConvNorm>> units) : units_(std::move(units)) {}
  at::Tensor operator()(const at::Tensor& x) override {
    at::Tensor y = x;
    for (const auto& unit : units_) y = (*unit)(y);
    return y;
  }

 private:
  std::vector<std::unique_ptr<nn::ConvNorm>> units_;
};

}  // namespace

std::unique_ptr<nn::ConvNorm> unit(const nn::Scope& scope, const Settings& s, int64_t in,
                                   int64_t out, int64_t kernel, Activation activation,
                                   int64_t stride, int64_t groups) {
  nn::ConvOptions o;
  o.in = in;
  o.out = out;
  o.kernel = {kernel, kernel};
  o.stride = {stride, stride};
  o.padding = {(kernel - 1) / 2, (kernel - 1) / 2};
  o.groups = groups;
  return std::make_unique<nn::ConvNorm>(scope, o, activation, s.batch_eps, kMomentum, "conv",
                                        "norm");
}

CspRep::CspRep(const nn::Scope& scope, const Settings& s, int64_t in, int64_t middle, int64_t out)
    : through_(unit(scope / "conv1", s, in, middle, 1, s.activation)),
      beside_(unit(scope / "conv2", s, in, middle, 1, s.activation)) {
  for (int64_t i = 0; i < s.csp_blocks; ++i) {
    const nn::Scope block = scope / "bottlenecks" / std::to_string(i);
    blocks_.push_back({unit(block / "conv1", s, middle, middle, 3, s.activation),
                       unit(block / "conv2", s, middle, middle, 1, Activation::none)});
  }
  if (middle != out) last_ = unit(scope / "conv3", s, middle, out, 1, s.activation);
}

at::Tensor CspRep::operator()(const at::Tensor& x) {
  at::Tensor y = (*through_)(x);
  for (const Rep& block : blocks_) y = (*block.wide)(y, (*block.narrow)(y));
  y = y + (*beside_)(x);
  return last_ ? (*last_)(y) : y;
}

std::unique_ptr<MapLayer> make_joining(const nn::Scope& scope, const Settings& s) {
  if (s.kind == Kind::d_fine) return std::make_unique<Elan>(scope, s);
  const auto middle = static_cast<int64_t>(static_cast<double>(s.width) * s.expansion);
  return std::make_unique<CspRep>(scope, s, 2 * s.width, middle, s.width);
}

std::unique_ptr<MapLayer> make_downsampling(const nn::Scope& scope, const Settings& s) {
  std::vector<std::unique_ptr<nn::ConvNorm>> units;
  if (s.kind == Kind::d_fine) {
    units.push_back(unit(scope / "conv1", s, s.width, s.width, 1, Activation::none));
    units.push_back(unit(scope / "conv2", s, s.width, s.width, 3, Activation::none, 2, s.width));
  } else {
    units.push_back(unit(scope, s, s.width, s.width, 3, s.activation, 2));
  }
  return std::make_unique<Units>(std::move(units));
}

}  // namespace graft::models::rtdetr
