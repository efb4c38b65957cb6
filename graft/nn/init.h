#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace graft::nn {

/// Random initialisation whose stream depends on (seed, name) only, so that adding a layer never
/// changes another one's numbers.
class Init {
 public:
  explicit Init(uint64_t seed) : seed_(seed) {}
  /// Normal(0, std).
  void normal(const std::string& name, at::Tensor& value, double std) const;
  /// Normal cut at two standard deviations.
  void truncated_normal(const std::string& name, at::Tensor& value, double std) const;
  /// Uniform(-bound, bound).
  void uniform(const std::string& name, at::Tensor& value, double bound) const;
  /// He et al. 2015, fan out, for a convolution or linear weight followed by ReLU.
  void kaiming_normal(const std::string& name, at::Tensor& value) const;

 private:
  uint64_t seed_;
};

}  // namespace graft::nn
