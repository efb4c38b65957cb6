#include "graft/nn/conv_norm.h"

#include <torch/types.h>

#include <algorithm>

namespace graft::nn {
namespace {

/// Changes whenever one of the tensors is written in place or replaced.
uint64_t version_of(std::initializer_list<const at::Tensor*> tensors) {
  uint64_t version = 0;
  for (const at::Tensor* tensor : tensors) {
    if (!tensor->defined()) continue;
    version = version * 1000003 + reinterpret_cast<uintptr_t>(tensor->unsafeGetTensorImpl());
    version = version * 1000003 + static_cast<uint64_t>(tensor->_version());
  }
  return version;
}

}  // namespace

ConvNorm::ConvNorm(const Scope& scope, const ConvOptions& conv, Activation activation, double eps,
                   double momentum, const std::string& conv_name, const std::string& norm_name,
                   NormKind kind)
    : conv_(scope / conv_name, conv),
      norm_(scope / norm_name, conv.out, eps, momentum, kind),
      activation_(activation) {}

bool ConvNorm::trains() {
  return conv_.weight().requires_grad() || norm_.weight().requires_grad() ||
         norm_.bias().requires_grad() || (conv_.bias().defined() && conv_.bias().requires_grad());
}

void ConvNorm::fold(at::ScalarType type) {
  // Batch norm kernels write the statistics without counting it; the number of batches tells.
  const uint64_t version =
      version_of({&conv_.weight(), &conv_.bias(), &norm_.weight(), &norm_.bias(),
                  &norm_.running_mean(), &norm_.running_var(), &norm_.batches()});
  if (folded_ && version == folded_version_ && folded_weight_.scalar_type() == type &&
      folded_weight_.device() == conv_.weight().device())
    return;
  const at::NoGradGuard no_grad;
  const auto [scale, shift] = norm_.affine();
  folded_weight_ = (conv_.weight() * scale.view({-1, 1, 1, 1}))
                       .to(type)
                       .contiguous(at::MemoryFormat::ChannelsLast);
  folded_bias_ = (conv_.bias().defined() ? shift + conv_.bias() * scale : shift).to(type);
  folded_scale_ = scale;
  folded_version_ = version;
  folded_ = true;
}

at::Tensor ConvNorm::operator()(const at::Tensor& x, const at::Tensor& residual) {
  const auto& adapters = conv_.adapters();
  const bool adapters_fold = std::all_of(adapters.begin(), adapters.end(),
                                         [](const auto& adapter) { return adapter->scales(); });
  if (!norm_.uses_batch_statistics() && adapters_fold &&
      (!at::GradMode::is_enabled() || !trains())) {
    fold(x.scalar_type());
    at::Tensor y = conv_.folded(x, folded_weight_, folded_bias_, folded_scale_);
    if (residual.defined()) y = y.add_(residual);
    return activate(activation_, y);
  }
  return norm_(conv_(x), activation_, residual);
}

}  // namespace graft::nn
