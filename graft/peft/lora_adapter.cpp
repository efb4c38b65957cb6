#include "graft/peft/lora_adapter.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/nn/conv.h"
#include "graft/nn/dropout.h"
#include "graft/nn/linear.h"
#include "graft/nn/low_rank.h"

namespace graft::peft {
namespace {

constexpr int64_t kMergedAtATime = int64_t{1} << 22;  // numbers, 32 MiB in double precision

/// weight [n, m] + scale left [n, r] right [r, m], summed in double precision, some rows at a time:
/// output matrices are large.
at::Tensor with_product(const at::Tensor& weight, const at::Tensor& left, const at::Tensor& right,
                        double scale) {
  at::Tensor merged = at::empty_like(weight);
  const at::Tensor factor = right.to(at::kDouble);
  const int64_t step = std::max<int64_t>(1, kMergedAtATime / weight.size(1));
  for (int64_t row = 0; row < weight.size(0); row += step) {
    const int64_t n = std::min(step, weight.size(0) - row);
    merged.narrow(0, row, n).copy_(at::addmm(weight.narrow(0, row, n).to(at::kDouble),
                                             left.narrow(0, row, n).to(at::kDouble), factor, 1,
                                             scale));
  }
  return merged;
}

class LinearLora final : public Lora {
 public:
  using Lora::Lora;
  at::Tensor output(const at::Tensor& x, const at::Tensor& y) override {
    const at::Tensor low = at::linear(dropped(x), nn::cast_like(a_, x)).flatten(0, -2);
    return at::addmm(y.flatten(0, -2), low, nn::cast_like(b_, x).t(), 1, scale()).view(y.sizes());
  }
  std::optional<nn::LowRank> low_rank() const override {
    return nn::LowRank{a_, b_, scale(), dropout_};
  }
  void merge(at::Tensor& weight, at::Tensor&) const override {
    weight = with_product(weight, b_, a_, scale());
  }
  double flops(double positions) const override {
    return 2 * positions * static_cast<double>(a_.numel() + b_.numel());
  }
};

class EmbeddingLora final : public Lora {
 public:
  using Lora::Lora;
  at::Tensor output(const at::Tensor& ids, const at::Tensor& y) override {
    // As a table of its own, so that only rows of the batch's ids are read and get a gradient.
    const at::Tensor low = at::embedding(a_.t(), ids.flatten());
    return at::addmm(y.flatten(0, -2), low, b_.t(), 1, scale()).view(y.sizes());
  }
  void merge(at::Tensor& weight, at::Tensor&) const override {
    weight = with_product(weight, a_.t(), b_.t(), scale());
  }
  double flops(double positions) const override {
    return 2 * positions * static_cast<double>(b_.numel());
  }
};

class ConvolutionLora final : public Lora {
 public:
  using Lora::Lora;
  at::Tensor output(const at::Tensor& x, const at::Tensor& y) override {
    return add(x, y, nn::cast_like(b_, x));
  }
  bool scales() const override { return true; }
  at::Tensor scaled_output(const at::Tensor& x, const at::Tensor& y,
                           const at::Tensor& factors) override {
    return add(x, y, nn::cast_like(b_ * factors.view({-1, 1, 1, 1}), x));
  }
  void merge(at::Tensor& weight, at::Tensor&) const override {
    // Group by group: [g, out/g, r] x [g, r, in/g·k·k].
    const int64_t g = site_.groups;
    const at::Tensor b = b_.to(at::kDouble).view({g, site_.out / g, r_});
    const at::Tensor a = a_.to(at::kDouble).contiguous().view({g, r_, -1});
    const at::Tensor delta = at::bmm(b, a).view(weight.sizes());
    weight = (weight.to(at::kDouble) + delta * scale()).to(weight.scalar_type());
  }
  double flops(double positions) const override {
    return 2 * positions * static_cast<double>(a_.numel() + b_.numel());
  }

 private:
  at::Tensor add(const at::Tensor& x, const at::Tensor& y, const at::Tensor& b) const {
    constexpr std::array<int64_t, 2> kOne{1, 1};
    constexpr std::array<int64_t, 2> kZero{0, 0};
    at::Tensor padded = dropped(x);
    std::array<int64_t, 2> padding = site_.padding;
    if (site_.padding_mode != "zeros") {
      padded = nn::pad_input(padded, site_.padding, site_.padding_mode);
      padding = {0, 0};
    }
    const at::Tensor low = at::conv2d(padded, nn::cast_like(a_, x), {}, site_.stride, padding,
                                      site_.dilation, site_.groups);
    // A 1x1 convolution of pixels whose channels are neighbours is a product.
    constexpr auto kLast = at::MemoryFormat::ChannelsLast;
    if (site_.groups == 1 && y.is_contiguous(kLast) && low.is_contiguous(kLast))
      return nn::add_low_rank(y, low, b.flatten(1), scale());
    return y + at::conv2d(low, b, {}, kOne, kZero, kOne, site_.groups) * scale();
  }
};

}  // namespace

LoraFactors empty_factors(const nn::Site& site, int64_t r) {
  switch (site.kind) {
    case nn::SeamKind::linear:
      return {at::empty({r, site.in}), at::empty({site.out, r})};
    case nn::SeamKind::embedding:
      return {at::empty({site.in, r}).t(), at::empty({site.out, r})};
    case nn::SeamKind::convolution:
      break;
  }
  return {at::empty({r * site.groups, site.in / site.groups, site.kernel[0], site.kernel[1]})
              .contiguous(at::MemoryFormat::ChannelsLast),
          at::empty({site.out, r, 1, 1})};
}

LoraNames lora_names(nn::SeamKind kind) {
  if (kind == nn::SeamKind::embedding) return {"lora_embedding_A", "lora_embedding_B"};
  return {"lora_A.weight", "lora_B.weight"};
}

Lora::Lora(nn::Site site, const Options& options, LoraFactors factors)
    : site_(std::move(site)),
      r_(options.integer("r")),
      alpha_(options.number("alpha")),
      dropout_(options.number("dropout")),
      rslora_(options.boolean("rslora")),
      a_(std::move(factors.a)),
      b_(std::move(factors.b)) {}

std::vector<nn::NamedTensor> Lora::parameters() {
  const auto [a, b] = lora_names(site_.kind);
  return {{a, &a_}, {b, &b_}};
}

at::Tensor Lora::dropped(const at::Tensor& x) const {
  const nn::Context* context = nn::ContextGuard::current();
  return context ? nn::dropout(x, dropout_, *context) : x;
}

double Lora::scale() const {
  const auto r = static_cast<double>(r_);
  return alpha_ / (rslora_ ? std::sqrt(r) : r);
}

std::shared_ptr<Lora> make_lora(const nn::Site& site, const Options& options, LoraFactors factors) {
  switch (site.kind) {
    case nn::SeamKind::linear:
      return std::make_shared<LinearLora>(site, options, std::move(factors));
    case nn::SeamKind::embedding:
      return std::make_shared<EmbeddingLora>(site, options, std::move(factors));
    case nn::SeamKind::convolution:
      break;
  }
  return std::make_shared<ConvolutionLora>(site, options, std::move(factors));
}

}  // namespace graft::peft
