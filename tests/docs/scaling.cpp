#include <torch/types.h>

#include "graft/nn/linear.h"
#include "graft/peft/method.h"

namespace graft::peft {
namespace {

/// y (1 + d) with one d an output feature or channel, all 0 at the start.
class Scaling final : public nn::Adapter {
 public:
  explicit Scaling(const nn::Site& site) : site_(site), d_(at::zeros({site.out})) {}

  at::Tensor output(const at::Tensor&, const at::Tensor& y) override {
    const at::Tensor factors = 1 + nn::cast_like(d_, y);
    const bool pictures = site_.kind == nn::SeamKind::convolution;
    return y * (pictures ? factors.view({-1, 1, 1}) : factors);
  }

  void merge(at::Tensor& weight, at::Tensor& bias) const override {
    std::vector<int64_t> shape(static_cast<size_t>(weight.dim()), 1);
    // The outputs of an embedding are the columns of its table.
    shape[site_.kind == nn::SeamKind::embedding ? 1 : 0] = site_.out;
    weight = weight * (1 + d_).view(shape);
    if (bias.defined()) bias = bias * (1 + d_);
  }

  std::vector<nn::NamedTensor> parameters() override { return {{"scaling_d", &d_}}; }
  double flops(double positions) const override {
    return positions * static_cast<double>(site_.out);
  }
  std::string method() const override { return "scaling"; }

 private:
  nn::Site site_;
  at::Tensor d_;
};

}  // namespace

Method scaling() {
  Method m;
  m.name = "scaling";
  m.summary = "one learned factor an output feature or channel of frozen layers";
  m.source = "after Liu et al. 2022, arXiv:2205.05638 (IA3)";
  m.options = {any("target", "auto",
                   "auto (every layer but depthwise convolutions), all-linear, all, or a list of "
                   "name endings")};
  m.serves = [](const nn::Site& site, const Options& options) {
    const Json& target = options.at("target");
    if (target == "all-linear") return site.kind == nn::SeamKind::linear;
    return target != "auto" || site.groups == 1;
  };
  m.make = [](const nn::Site& site, const Options&, const nn::Init&) {
    return std::make_shared<Scaling>(site);
  };
  return m;
}

}  // namespace graft::peft
