#pragma once

#include <map>
#include <string>
#include <vector>

#include "graft/io/tensor_map.h"
#include "graft/train/trained_set.h"

namespace graft::train {

struct OptimizerOptions {
  std::string kind = "adamw";  ///< adamw (Loshchilov and Hutter 2019) or sgd with momentum
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double momentum = 0.9;
  double weight_decay = 0.01;
};

/// Updates tensors with their gradients by LibTorch's fused kernels. Each tensor counts its own
/// updates, so blocks that are updated more rarely keep a right bias correction.
class Optimizer {
 public:
  explicit Optimizer(const OptimizerOptions& options) : options_(options) {}

  /// One update of every tensor that has a gradient; `rate(tensor)` is its learning rate. Gradients
  /// are multiplied by `factor` on the way, without a pass of their own.
  void step(const std::vector<TrainedTensor>& tensors,
            const std::function<double(const TrainedTensor&)>& rate, double factor = 1);

  /// Forgets the state of tensors that are not among these (a stage has ended).
  void keep_only(const std::vector<TrainedTensor>& tensors);

  /// State as tensors "optimizer.<name>.<slot>", for checkpoints.
  io::TensorMap state() const;
  void load_state(const io::TensorMap& state);
  /// Bytes of state a trained element costs.
  double bytes_per_element() const {
    return options_.kind == "adamw" ? 8 : (options_.momentum > 0 ? 4 : 0);
  }

 private:
  struct Slots {
    at::Tensor first, second, steps;
  };
  Slots& slots_of(const TrainedTensor& tensor);

  OptimizerOptions options_;
  std::map<std::string, Slots> slots_;
};

/// Common norm of the gradients.
double gradient_norm(const std::vector<TrainedTensor>& tensors);

/// What gradients of this norm are multiplied by for it to be at most `limit`; 0 is no limit.
double clip_factor(double norm, double limit);

}  // namespace graft::train
