#include "graft/nn/group_norm.h"

#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/nn/linear.h"

namespace graft::nn {

GroupNorm::GroupNorm(const Scope& scope, int64_t groups, int64_t channels, double eps)
    : weight_(at::ones({channels})), bias_(at::zeros({channels})), groups_(groups), eps_(eps) {
  GRAFT_ASSERT(groups > 0 && channels % groups == 0);
  scope.add("weight", weight_, Role::norm_weight);
  scope.add("bias", bias_, Role::norm_bias);
}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const {
  return at::group_norm(x, groups_, cast_like(weight_, x), cast_like(bias_, x), eps_);
}

}  // namespace graft::nn
