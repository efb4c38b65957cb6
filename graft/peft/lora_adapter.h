#pragma once

#include <memory>

#include "graft/base/options.h"
#include "graft/nn/adapter.h"

namespace graft::peft {

/// The two factors of an update, by the kind of layer:
///
///     linear       a [r, in]                   b [out, r]
///     convolution  a [g r, in / g, kh, kw]     b [out, r, 1, 1]      g: groups, each with a rank r
///     embedding    a [r, rows], held by rows   b [width, r]
struct LoraFactors {
  at::Tensor a, b;
};
/// Room for them.
LoraFactors empty_factors(const nn::Site& site, int64_t r);

/// Their names below the layer's path, as peft has them.
struct LoraNames {
  const char *a, *b;
};
LoraNames lora_names(nn::SeamKind kind);

/// What LoRA adds to a layer (Hu et al. 2021, arXiv:2106.09685), with s = alpha / r, or alpha /
/// sqrt(r) for rsLoRA:
///
///     linear       y + s b(a(drop(x)))
///     convolution  the same; a has the base's kernel, stride, padding, dilation and groups, b is
///     1x1 embedding    y + s b a[:, ids], where nothing is dropped: ids cannot be
class Lora : public nn::Adapter {
 public:
  /// `options` are the method's: r, alpha, dropout, rslora.
  Lora(nn::Site site, const Options& options, LoraFactors factors);

  std::vector<nn::NamedTensor> parameters() override;
  std::string method() const override { return "lora"; }

  int64_t rank() const { return r_; }
  double alpha() const { return alpha_; }
  bool rslora() const { return rslora_; }
  const at::Tensor& a() const { return a_; }
  const at::Tensor& b() const { return b_; }

 protected:
  /// x as a sees it.
  at::Tensor dropped(const at::Tensor& x) const;
  double scale() const;

  nn::Site site_;
  int64_t r_;
  double alpha_, dropout_;
  bool rslora_;
  at::Tensor a_, b_;
};

std::shared_ptr<Lora> make_lora(const nn::Site& site, const Options& options, LoraFactors factors);

}  // namespace graft::peft
