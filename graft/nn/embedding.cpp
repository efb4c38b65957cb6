#include "graft/nn/embedding.h"

#include <torch/types.h>

namespace graft::nn {

Embedding::Embedding(const Scope& scope, int64_t count, int64_t width)
    : weight_(at::zeros({count, width})) {
  scope.add("weight", weight_, Role::embedding);
}

at::Tensor Embedding::operator()(const at::Tensor& ids) const {
  return at::embedding(weight_, ids);
}

}  // namespace graft::nn
