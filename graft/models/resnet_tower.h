#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/models/model.h"
#include "graft/nn/activation.h"
#include "graft/nn/norm.h"

namespace graft::models {

/// How files call the layers of a ResNet.
enum class ResNetNames : uint8_t {
  transformers,  ///< "encoder.stages.0.layers.0.layer.0.convolution"
  torchvision    ///< "layer1.0.conv1", and timm's
};

/// Shape of a ResNet (He et al. 2015, arXiv:1512.03385), v1.5 unless it strides in the bottleneck.
struct ResNetSettings {
  ResNetSettings() = default;
  /// Reads num_channels, embedding_size, hidden_sizes, depths, layer_type, hidden_act and
  /// downsample_in_…; what does not fit is an error (exit code 3).
  explicit ResNetSettings(const Json& config);
  /// "resnet18", "resnet34", "resnet50", "resnet101" or "resnet152"; others are an error (exit
  /// code 3).
  static ResNetSettings named(const std::string& name);

  int64_t channels = 3, stem = 64;
  std::vector<int64_t> widths{256, 512, 1024, 2048}, depths{3, 4, 6, 3};  ///< by stage
  bool bottleneck = true, first_strides = false, strides_early = false;
  /// ResNet-vd (He et al. 2018, arXiv:1812.01187): three convolutions for a stem, and shortcuts
  /// that take means of four pixels instead of every fourth. transformers' names only.
  bool vd = false;
  nn::Activation activation = nn::Activation::relu;
  nn::NormKind norm = nn::NormKind::batch;
  double eps = 1e-5;  ///< of the norms
};

/// A ResNet without its head.
struct ResNetTower {
  std::string path;  ///< "resnet"
  ResNetNames names = ResNetNames::transformers;
  ResNetSettings settings;
  /// Stages whose maps [B, C, H, W] are handed on to the end, as "map<stage>", the first is 0.
  std::vector<int64_t> maps;
  /// The last map → what the chain goes on with; without one: "x" is that map.
  std::function<nn::Flow(const at::Tensor& map)> end;
};

/// Appends the blocks: stem (convolution and pooling), then one a residual layer. "x" [B, C, H, W]
/// flows between them.
void add_resnet(Model& model, const ResNetTower& tower);

/// As the authors initialise it: He et al.'s normal for convolutions.
void init_resnet(Model& model, const nn::Init& random);

}  // namespace graft::models
