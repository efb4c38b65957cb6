#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace graft::nn {

/// The named tensors alive at a border between two blocks. Freezing, caching and recomputing act on
/// whole flows. The first dimension of every tensor is the batch.
class Flow {
 public:
  Flow() = default;
  Flow(const std::string& name, at::Tensor value) { tensors_.emplace_back(name, std::move(value)); }

  /// The tensor of that name, added when new.
  at::Tensor& operator[](const std::string& name);
  const at::Tensor& at(const std::string& name) const;
  bool has(const std::string& name) const;
  const std::vector<std::pair<std::string, at::Tensor>>& tensors() const { return tensors_; }
  Flow map(const std::function<at::Tensor(const at::Tensor&)>& f) const;
  /// On a device; "lengths" and "before" stay on the CPU, where loops need them.
  Flow to(at::Device device) const;
  int64_t bytes() const;

 private:
  std::vector<std::pair<std::string, at::Tensor>> tensors_;
};

}  // namespace graft::nn
