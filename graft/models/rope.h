#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/nn/context.h"

namespace graft::models {

/// Rotary position embeddings (Su et al. 2021), with every scaling in use: default, linear, dynamic
/// (NTK), llama3, yarn (Peng et al. 2023), longrope (Ding et al. 2024).
class Rope {
 public:
  /// Reads "rope_parameters", or the older "rope_theta" and "rope_scaling". `layer_type` picks one
  /// where the config has several ("sliding_attention"). `width` is that of a head. Errors have exit
  /// code 3.
  Rope(const Json& config, int64_t width, const std::string& layer_type = "");

  /// Rotates the heads of x [T, heads width] by their positions [T]; halves, not pairs. `longest` is
  /// the highest position of the batch plus one.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& positions, int64_t longest) const;

  /// Frequencies [rotated / 2] for a batch whose longest text has that many tokens.
  std::vector<float> frequencies(int64_t longest) const;
  /// Factor on cosine and sine.
  double attention_scaling() const { return scaling_; }

 private:
  int64_t width_, rotated_;
  double theta_;
  std::string type_ = "default";
  std::vector<float> fixed_;          // of types that do not look at the batch
  std::vector<float> short_, long_;   // longrope
  double factor_ = 1, scaling_ = 1;
  int64_t original_ = 0;              // positions of the pretraining
};

}  // namespace graft::models
