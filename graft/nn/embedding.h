#pragma once

#include "graft/nn/parameter.h"

namespace graft::nn {

/// Rows of a table [count, width].
class Embedding {
 public:
  Embedding(const Scope& scope, int64_t count, int64_t width);
  Embedding(const Embedding&) = delete;
  Embedding& operator=(const Embedding&) = delete;
  /// ids [...] int64 → [..., width].
  at::Tensor operator()(const at::Tensor& ids) const;
  at::Tensor& weight() { return weight_; }

 private:
  at::Tensor weight_;
};

}  // namespace graft::nn
