#pragma once

#include "graft/nn/seam.h"

namespace graft::nn {

/// Rows of a table [count, width]. Adapters see the ids as the layer's input and add to the rows.
class Embedding final : public Seam {
 public:
  Embedding(const Scope& scope, int64_t count, int64_t width);
  /// ids [...] int64 → [..., width] in float32.
  at::Tensor operator()(const at::Tensor& ids) const;

  Site site() const override;
  at::Tensor& weight() override { return weight_; }
  at::Tensor& bias() override { return bias_; }

 private:
  std::string path_;
  int block_;
  at::Tensor weight_;
  at::Tensor bias_;  // none
};

}  // namespace graft::nn
