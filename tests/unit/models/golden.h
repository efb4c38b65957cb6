#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

#include "graft/io/tensor_map.h"
#include "graft/models/load.h"

/// What the tests of models share; tests/golden/models/make_models.py made the numbers.
namespace graft::models::test {

/// tests/golden/models.
std::filesystem::path golden_folder();

/// golden.safetensors of a folder there.
struct Golden {
  explicit Golden(const std::string& name);
  io::TensorMap tensors;
};

/// The model of tests/golden/models/<name>.
LoadedModel load_golden(const std::string& name, const Json& overrides = Json());

/// tests/golden/text_models, made by make_text_models.py there.
std::filesystem::path text_golden_folder();
/// The rows of padded "input_ids" and "attention_mask" (below `prefix`), one after the other.
nn::Flow text_flow(const io::TensorMap& golden, const std::string& prefix = "");

/// Logits of a forward pass; `training` also makes batch norms use the batch.
at::Tensor logits(Model& model, const at::Tensor& pixels, bool training = false);

/// Largest difference of any element.
double largest_difference(const at::Tensor& a, const at::Tensor& b);
/// |a - b| / |b|, Euclidean.
double relative_difference(const at::Tensor& a, const at::Tensor& b);

/// Parameters, buffers and activations in double precision.
void to_double(Model& model);

/// One thread while it is alive: these models are too small for more, and sums have one order.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

/// Every parameter trains, or none.
void set_trained(Model& model, bool trained);

/// One AdamW step (Loshchilov and Hutter 2019) as torch.optim does it: betas .9 .999, eps 1e-8,
/// decay .01 for parameters with more than one dimension.
class AdamW {
 public:
  explicit AdamW(Model& model, double rate = 1e-3) : model_(model), rate_(rate) {}
  /// At this share of the rate.
  void step(double share = 1);

 private:
  struct Moments {
    at::Tensor first, second;
  };
  Model& model_;
  double rate_;
  std::map<std::string, Moments> moments_;
  int64_t steps_ = 0;
};

}  // namespace graft::models::test
