#pragma once

#include <functional>
#include <string>

#include "graft/models/encoder_layer.h"
#include "graft/models/patch_embeddings.h"

namespace graft::models {

/// A vision transformer without its head.
struct VisionTower {
  std::string path;               ///< "vit"
  std::string layers = "layers";  ///< "<path>.<layers>.N" are the encoder layers
  PatchSettings patches;
  EncoderSettings encoder;
  int64_t kept = 0;  ///< tokens that `pool` reads, from the front; 0 means all
  /// Normalised tokens [B, kept, width] → what the head reads, "features" first.
  std::function<nn::Flow(const at::Tensor& tokens)> pool;
};

/// Appends the blocks: stem (embeddings), then one a layer; the last one also applies
/// "<path>.layernorm" and pools.
void add_vision_tower(Model& model, const VisionTower& tower);

}  // namespace graft::models
