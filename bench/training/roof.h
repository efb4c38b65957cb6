#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace graft::bench {

/// Seconds of each run of the matrix products that one training step of a ViT-B/16 at 224 pixels
/// needs, and of nothing else: forward, gradients of inputs, gradients of weights as the mode
/// (full, head, lora of rank 8 on q and v) wants them, in float32 or bfloat16. The last layer's
/// queries, output projection and MLP are those of the class token, which is all that a classifier
/// reads.
std::vector<double> time_vit_products(const std::string& mode, int64_t batch,
                                      const std::string& dtype, int64_t warmup, int64_t steps);

}  // namespace graft::bench
