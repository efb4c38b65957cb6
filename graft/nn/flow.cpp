#include "graft/nn/flow.h"

#include "graft/base/error.h"

namespace graft::nn {

at::Tensor& Flow::operator[](const std::string& name) {
  for (auto& [key, value] : tensors_) {
    if (key == name) return value;
  }
  return tensors_.emplace_back(name, at::Tensor()).second;
}

const at::Tensor& Flow::at(const std::string& name) const {
  for (const auto& [key, value] : tensors_) {
    if (key == name) return value;
  }
  fail(ErrorCode::internal, "internal error: the flow holds no tensor '{}'", name);
}

bool Flow::has(const std::string& name) const {
  for (const auto& [key, value] : tensors_) {
    if (key == name) return true;
  }
  return false;
}

Flow Flow::map(const std::function<at::Tensor(const at::Tensor&)>& f) const {
  Flow result;
  for (const auto& [key, value] : tensors_) result.tensors_.emplace_back(key, f(value));
  return result;
}

Flow Flow::to(at::Device device) const {
  Flow result;
  for (const auto& [key, value] : tensors_)
    result.tensors_.emplace_back(key,
                                 key == "lengths" || key == "before" ? value : value.to(device));
  return result;
}

int64_t Flow::bytes() const {
  int64_t total = 0;
  for (const auto& [key, value] : tensors_) total += static_cast<int64_t>(value.nbytes());
  return total;
}

}  // namespace graft::nn
