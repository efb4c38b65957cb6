#include "graft/train/optimizer.h"

#include <torch/types.h>

#include <cmath>
#include <set>

#include "graft/base/error.h"

namespace graft::train {
namespace {

/// Tensors that are updated with the same rate and decay go into one call of the fused kernel.
struct Batch {
  std::vector<at::Tensor> values, gradients, first, second, steps;
};

}  // namespace

Optimizer::Slots& Optimizer::slots_of(const TrainedTensor& tensor) {
  Slots& slots = slots_[tensor.name];
  if (!slots.first.defined()) {
    slots.first = at::zeros_like(*tensor.value);
    if (options_.kind == "adamw") slots.second = at::zeros_like(*tensor.value);
    slots.steps = at::zeros({}, tensor.value->options());
  }
  lay_out(slots.first, tensor);
  if (slots.second.defined()) lay_out(slots.second, tensor);
  slots.steps = slots.steps.to(tensor.value->device());
  return slots;
}

void Optimizer::step(const std::vector<TrainedTensor>& tensors,
                     const std::function<double(const TrainedTensor&)>& rate, double factor) {
  const at::NoGradGuard no_grad;
  std::map<std::pair<double, double>, Batch> batches;
  for (const auto& tensor : tensors) {
    if (!tensor.value->grad().defined()) continue;
    Slots& slots = slots_of(tensor);
    Batch& batch = batches[{rate(tensor), tensor.decays ? options_.weight_decay : 0.0}];
    batch.values.push_back(tensor.value->detach());
    batch.gradients.push_back(tensor.value->grad());
    batch.first.push_back(slots.first);
    if (slots.second.defined()) batch.second.push_back(slots.second);
    batch.steps.push_back(slots.steps);
    // The fused kernels do not count as writing, but caches of what depends on a weight go by its
    // version.
    tensor.value->unsafeGetTensorImpl()->bump_version();
  }
  // The kernels divide by it.
  std::optional<at::Tensor> scale;
  if (factor != 1 && !batches.empty()) {
    scale = at::full({}, 1 / factor, batches.begin()->second.values.front().options());
  }
  for (auto& [key, batch] : batches) {
    const auto [lr, decay] = key;
    at::_foreach_add_(batch.steps, 1);
    if (options_.kind == "adamw") {
      at::_fused_adamw_(batch.values, batch.gradients, batch.first, batch.second, {}, batch.steps,
                        lr, options_.beta1, options_.beta2, decay, options_.eps, false, false,
                        scale);
    } else {
      at::_fused_sgd_(batch.values, batch.gradients,
                      options_.momentum > 0 ? at::TensorList(batch.first) : at::TensorList(), decay,
                      options_.momentum, lr, 0.0, false, false, false, scale);
    }
  }
}

void Optimizer::keep_only(const std::vector<TrainedTensor>& tensors) {
  std::set<std::string> names;
  for (const auto& tensor : tensors) names.insert(tensor.name);
  std::erase_if(slots_, [&](const auto& item) { return !names.count(item.first); });
}

io::TensorMap Optimizer::state() const {
  io::TensorMap map;
  for (const auto& [name, slots] : slots_) {
    map.add("optimizer." + name + ".first", slots.first);
    if (slots.second.defined()) map.add("optimizer." + name + ".second", slots.second);
    map.add("optimizer." + name + ".steps", slots.steps);
  }
  return map;
}

void Optimizer::load_state(const io::TensorMap& state) {
  slots_.clear();
  const std::string prefix = "optimizer.";
  for (const auto& [name, tensor] : state) {
    if (!name.starts_with(prefix)) continue;
    const size_t dot = name.rfind('.');
    Slots& slots = slots_[name.substr(prefix.size(), dot - prefix.size())];
    const std::string slot = name.substr(dot + 1);
    (slot == "first"    ? slots.first
     : slot == "second" ? slots.second
                        : slots.steps) = tensor.clone();
  }
}

double gradient_norm(const std::vector<TrainedTensor>& tensors) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& tensor : tensors) {
    if (const at::Tensor& g = tensor.value->grad(); g.defined()) gradients.push_back(g);
  }
  if (gradients.empty()) return 0;
  // Read back at once: a GPU is waited for each time.
  const at::Tensor together = at::stack(at::_foreach_norm(gradients, 2)).to(at::kCPU, at::kDouble);
  double squares = 0;
  for (int64_t i = 0; i < together.size(0); ++i) {
    const double norm = together[i].item<double>();
    squares += norm * norm;
  }
  return std::sqrt(squares);
}

double clip_factor(double norm, double limit) {
  return limit > 0 && norm > limit ? limit / (norm + 1e-6) : 1;
}

}  // namespace graft::train
