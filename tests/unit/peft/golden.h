#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>

#include "graft/io/safetensors.h"
#include "graft/models/load.h"
#include "tests/support/support.h"

/// Golden models and adapters: tests/golden/models (make_models.py), tests/golden/peft
/// (make_peft.py).
namespace graft::test {

inline std::filesystem::path golden_dir() {
  return source_dir() / "tests" / "golden";
}

inline std::unique_ptr<models::Model> golden_model(const std::string& name) {
  models::ModelSource source;
  source.path = (golden_dir() / "models" / name).string();
  return models::load_model(source).model;
}

inline io::TensorMap golden_tensors(const std::string& folder) {
  return io::SafetensorsReader(golden_dir() / folder / "golden.safetensors").all();
}

inline at::Tensor logits_of(models::Model& model, const at::Tensor& pixels, bool training = false) {
  nn::Context context;
  context.training = training;
  return model.forward(nn::Flow("pixels", pixels), context).at("logits");
}

inline double gap(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace graft::test
