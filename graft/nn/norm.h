#pragma once

#include <cstdint>

#include "graft/nn/activation.h"
#include "graft/nn/parameter.h"

namespace graft::nn {

/// Ba et al. 2016, over the last dimension.
class LayerNorm {
 public:
  LayerNorm(const Scope& scope, int64_t size, double eps, bool bias = true);
  at::Tensor operator()(const at::Tensor& x) const;
  LayerNorm(const LayerNorm&) = delete;
  LayerNorm& operator=(const LayerNorm&) = delete;

 private:
  at::Tensor weight_, bias_;
  double eps_;
};

/// Zhang and Sennrich 2019, over the last dimension. With `plus_one` the factor is 1 + weight, and
/// applied before the result gets the type of x (Gemma).
class RmsNorm {
 public:
  RmsNorm(const Scope& scope, int64_t size, double eps, bool plus_one = false);
  at::Tensor operator()(const at::Tensor& x) const;
  RmsNorm(const RmsNorm&) = delete;
  RmsNorm& operator=(const RmsNorm&) = delete;

 private:
  at::Tensor weight_;
  double eps_;
  bool plus_one_;
};

/// `frozen`: nothing of a batch norm ever learns or moves, as in the pretrained bodies of
/// detectors; its tensors are all buffers, and the registry has no norm.
enum class NormKind : uint8_t { batch, frozen };

/// Ioffe and Szegedy 2015, over the channels of x [B, C, H, W]. Statistics are the running ones
/// unless `use_batch_statistics` was set: frozen is the default, because a frozen layer must not
/// move.
class BatchNorm {
 public:
  BatchNorm(const Scope& scope, int64_t channels, double eps, double momentum,
            NormKind kind = NormKind::batch);
  /// activation(norm(x) + residual); without a residual when it is undefined.
  at::Tensor operator()(const at::Tensor& x, Activation activation = Activation::none,
                        const at::Tensor& residual = {});
  BatchNorm(const BatchNorm&) = delete;
  BatchNorm& operator=(const BatchNorm&) = delete;

  void use_batch_statistics(bool on) { batch_statistics_ = on; }
  bool uses_batch_statistics() const { return batch_statistics_; }
  /// Share of the newest batch in the running statistics (torch's sense of momentum).
  void set_momentum(double momentum) { momentum_ = momentum; }
  double momentum() const { return momentum_; }
  int block() const { return block_; }
  const std::string& path() const { return path_; }

  /// y = x * scale + shift with the running statistics; both [C].
  struct Affine {
    at::Tensor scale, shift;
  };
  Affine affine() const;
  at::Tensor& weight() { return weight_; }
  at::Tensor& bias() { return bias_; }
  at::Tensor& running_mean() { return mean_; }
  at::Tensor& running_var() { return var_; }
  at::Tensor& batches() { return batches_; }

 private:
  std::string path_;
  int block_;
  at::Tensor weight_, bias_, mean_, var_, batches_;
  double eps_, momentum_;
  bool batch_statistics_ = false;
};

}  // namespace graft::nn
