#include "graft/nn/dropout.h"

#include <torch/types.h>

#include "graft/base/error.h"

namespace graft::nn {
namespace {

at::Tensor mask(at::IntArrayRef shape, double keep, const at::Tensor& like,
                const Context& context) {
  at::Tensor drawn = at::empty(shape, like.options());
  drawn.bernoulli_(keep, context.generator);
  return drawn.div_(keep);
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, double p, const Context& context) {
  if (p <= 0 || !context.random()) return x;
  if (p > 1) fail_unreadable("config.json: a dropout of {} cannot be; expected 0 to 1", p);
  // One kernel; it draws from the device's generator, which is the run's there (new_generator).
  if (x.is_cuda()) return std::get<0>(at::native_dropout(x, p, true));
  return x * mask(x.sizes(), 1 - p, x, context);
}

at::Tensor drop_path(const at::Tensor& x, double p, const Context& context) {
  if (p <= 0 || !context.random()) return x;
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  return x * mask(shape, 1 - p, x, context);
}

}  // namespace graft::nn
