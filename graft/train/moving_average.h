#pragma once

#include <map>
#include <string>
#include <vector>

#include "graft/io/tensor_map.h"
#include "graft/train/trained_set.h"

namespace graft::train {

/// Exponential moving average of the trained tensors (Polyak and Juditsky 1992). The decay rises
/// from 0.1 to its value, so that short runs are not ruled by their first weights.
class MovingAverage {
 public:
  explicit MovingAverage(double decay) : decay_(decay) {}
  bool on() const { return decay_ > 0; }
  void update(const std::vector<TrainedTensor>& tensors, int64_t step);
  /// Exchanges the averages and the weights; calling it twice changes nothing.
  void swap(const std::vector<TrainedTensor>& tensors);
  /// These train no longer: their averages become the weights.
  void settle(const std::vector<TrainedTensor>& tensors);
  io::TensorMap state() const;
  void load_state(const io::TensorMap& state);

 private:
  double decay_;
  std::map<std::string, at::Tensor> averages_;
};

}  // namespace graft::train
