#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "graft/models/model.h"
#include "graft/peft/method.h"

namespace graft::train {

/// A tensor that a stage trains.
struct TrainedTensor {
  std::string name;  ///< module path, for adapters below their layer's
  at::Tensor* value;
  int block;
  bool decays;  ///< weight decay acts on it: weights and adapters, not norms, biases, embeddings
  bool head;
  bool adapter;
  std::string layer = {};   ///< of an adapter: path of the layer that it sits on
  std::string method = {};  ///< of an adapter: name of its method
};

/// Gives what is kept of a tensor between steps, and may come from a file, that tensor's layout and
/// device: fused kernels walk memory in order.
void lay_out(at::Tensor& state, const TrainedTensor& tensor);

/// What trains when the given blocks train under the given methods: the head whole, elsewhere what
/// the methods say. The only place that decides it. In the order of the chain.
std::vector<TrainedTensor> trained_tensors(models::Model& model,
                                           const std::vector<peft::Choice>& methods,
                                           const std::vector<int>& blocks);

/// peft::attach for a model. A head of classes is new and learns whole; one that came with the
/// model (a language model's) gets adapters where a target names it.
int attach_adapters(models::Model& model, const std::vector<peft::Choice>& methods,
                    const nn::Init& init);

/// Every adapter tensor of the model, trained or not.
std::vector<TrainedTensor> adapter_tensors(models::Model& model);

/// Sets requires_grad for exactly these tensors, of blocks >= `lowest_due` only, and clears it
/// elsewhere.
void apply_trained(models::Model& model, const std::vector<TrainedTensor>& tensors,
                   int lowest_due = 0);

/// The lowest block that holds one of the tensors.
int lowest_block(const std::vector<TrainedTensor>& tensors);

}  // namespace graft::train
