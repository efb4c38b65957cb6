#include "graft/train/moving_average.h"

#include <torch/types.h>

#include <algorithm>

namespace graft::train {

void MovingAverage::update(const std::vector<TrainedTensor>& tensors, int64_t step) {
  if (!on()) return;
  const at::NoGradGuard no_grad;
  const double decay =
      std::min(decay_, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
  for (const auto& tensor : tensors) {
    at::Tensor& average = averages_[tensor.name];
    if (!average.defined()) {
      average = tensor.value->detach().clone();
      continue;
    }
    lay_out(average, tensor);
    average.lerp_(*tensor.value, 1 - decay);
  }
}

void MovingAverage::settle(const std::vector<TrainedTensor>& tensors) {
  const at::NoGradGuard no_grad;
  for (const auto& tensor : tensors) {
    const auto found = averages_.find(tensor.name);
    if (found == averages_.end()) continue;
    tensor.value->copy_(found->second);
    averages_.erase(found);
  }
}

void MovingAverage::swap(const std::vector<TrainedTensor>& tensors) {
  if (!on()) return;
  const at::NoGradGuard no_grad;
  for (const auto& tensor : tensors) {
    const auto found = averages_.find(tensor.name);
    if (found == averages_.end()) continue;
    const at::Tensor kept = tensor.value->detach().clone();
    tensor.value->copy_(found->second);
    found->second.copy_(kept);
  }
}

io::TensorMap MovingAverage::state() const {
  io::TensorMap map;
  for (const auto& [name, tensor] : averages_) map.add("ema." + name, tensor);
  return map;
}

void MovingAverage::load_state(const io::TensorMap& state) {
  averages_.clear();
  for (const auto& [name, tensor] : state) {
    if (!name.starts_with("ema.")) continue;
    averages_[name.substr(4)] = tensor.clone();
  }
}

}  // namespace graft::train
