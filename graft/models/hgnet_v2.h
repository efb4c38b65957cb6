#pragma once

#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/models/model.h"
#include "graft/nn/activation.h"
#include "graft/nn/norm.h"

namespace graft::models {

/// Shape of PP-HGNetV2 (PaddlePaddle 2023, the backbone of D-FINE; its form: Cui et al. 2022,
/// PP-HGNet), as transformers' HGNetV2Config says it.
struct HgNetSettings {
  /// Reads stem_channels, stem_strides, stage_…, hidden_act and use_learnable_affine_block; what
  /// does not fit is an error (exit code 3).
  explicit HgNetSettings(const Json& config);

  struct Stage {
    int64_t in, middle, out;  ///< channels
    int64_t blocks, layers;   ///< layers of a block
    int64_t kernel, stride;   ///< stride 1: it does not begin with a downsampling convolution
    bool downsamples, light;  ///< light: a product over channels, then one over places
  };
  std::vector<int64_t> stem, stem_strides;  ///< channels: picture, inside, result
  std::vector<Stage> stages;
  nn::Activation activation = nn::Activation::relu;  ///< of the stem
  bool affine = false;  ///< a learned factor and shift behind each activation
  nn::NormKind norm = nn::NormKind::batch;
};

/// An HGNetV2 without its head.
struct HgNetTower {
  std::string path;  ///< "model.backbone.model"
  HgNetSettings settings;
  /// Stages whose maps [B, C, H, W] are handed on to the end, as "map<stage>", the first is 0.
  std::vector<int64_t> maps;
};

/// Appends the blocks: stem, then one a block of the stages. "x" [B, C, H, W] flows between them;
/// behind the last one only the maps do.
void add_hgnet_v2(Model& model, const HgNetTower& tower);

}  // namespace graft::models
