#pragma once

#include <string>
#include <vector>

namespace graft::nn {

/// Forward FLOPs of one layer (a multiply-add counts 2) as its shapes gave them.
struct LayerCost {
  int block = 0;
  double flops = 0;
  bool adapter = false;
  bool has_weight = true;  ///< false for products without a weight (attention scores)
};

/// While one is alive on a thread, layers write down what their forward costs.
class CostMeter {
 public:
  CostMeter();
  ~CostMeter();
  CostMeter(const CostMeter&) = delete;
  CostMeter& operator=(const CostMeter&) = delete;

  static CostMeter* active();
  void add(const LayerCost& cost) { layers_.push_back(cost); }
  const std::vector<LayerCost>& layers() const { return layers_; }

 private:
  CostMeter* outer_;
  std::vector<LayerCost> layers_;
};

}  // namespace graft::nn
