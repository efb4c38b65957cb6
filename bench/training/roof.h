#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace graft::bench {

/// Seconds of each run of the matrix products that one training step of "vit_b16" or "llama_135m"
/// needs, and of nothing else: forward, gradients of inputs, gradients of weights as the mode
/// (full, head or lora) wants them, in float32 or bfloat16.
std::vector<double> time_products(const std::string& model, const std::string& mode, int64_t batch,
                                  const std::string& dtype, int64_t warmup, int64_t steps);

}  // namespace graft::bench
