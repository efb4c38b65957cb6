#pragma once

#include <memory>
#include <vector>

#include "graft/nn/adapter.h"
#include "graft/nn/parameter.h"

namespace graft::nn {

/// A layer with a weight that adapters can act on. Models are built of these and of nothing else
/// that multiplies, so every method reaches every layer.
class Seam {
 public:
  virtual ~Seam() = default;
  Seam() = default;
  Seam(const Seam&) = delete;
  Seam& operator=(const Seam&) = delete;

  virtual Site site() const = 0;
  /// The layer's own tensors; `bias` is undefined when it has none.
  virtual at::Tensor& weight() = 0;
  virtual at::Tensor& bias() = 0;

  const std::vector<std::shared_ptr<Adapter>>& adapters() const { return adapters_; }
  void attach(std::shared_ptr<Adapter> adapter) { adapters_.push_back(std::move(adapter)); }
  void detach_all() { adapters_.clear(); }
  /// Folds every adapter into the weight and removes it.
  void merge();

 protected:
  at::Tensor adapt_input(at::Tensor x) const {
    for (const auto& adapter : adapters_) x = adapter->input(x);
    return x;
  }
  at::Tensor adapt_output(const at::Tensor& x, at::Tensor y) const {
    for (const auto& adapter : adapters_) y = adapter->output(x, y);
    return y;
  }

 private:
  std::vector<std::shared_ptr<Adapter>> adapters_;
};

}  // namespace graft::nn
