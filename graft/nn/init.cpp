#include "graft/nn/init.h"

#include <torch/types.h>

#include <cmath>

#include "graft/base/rng.h"

namespace graft::nn {
namespace {

template <typename Draw>
void fill(uint64_t seed, const std::string& name, at::Tensor& value, Draw draw) {
  Rng rng{seed, hash_text(name)};
  at::Tensor values = at::empty(value.sizes(), at::kFloat);
  float* out = values.data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) out[i] = static_cast<float>(draw(rng));
  const at::NoGradGuard no_grad;
  value.copy_(values);
}

}  // namespace

void Init::normal(const std::string& name, at::Tensor& value, double std) const {
  fill(seed_, name, value, [std](Rng& rng) { return std * rng.normal(); });
}

void Init::truncated_normal(const std::string& name, at::Tensor& value, double std) const {
  fill(seed_, name, value, [std](Rng& rng) {
    double x = rng.normal();
    while (std::abs(x) > 2) x = rng.normal();
    return std * x;
  });
}

void Init::uniform(const std::string& name, at::Tensor& value, double bound) const {
  fill(seed_, name, value, [bound](Rng& rng) { return rng.uniform(-bound, bound); });
}

void Init::kaiming_normal(const std::string& name, at::Tensor& value) const {
  const double fan_out =
      static_cast<double>(value.numel()) / static_cast<double>(std::max<int64_t>(1, value.size(1)));
  normal(name, value, std::sqrt(2.0 / fan_out));
}

}  // namespace graft::nn
