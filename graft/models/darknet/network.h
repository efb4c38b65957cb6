#pragma once

#include <string>

#include "graft/io/darknet_net.h"
#include "graft/models/model.h"

/// A model of the family darknet: what its config says of it.
namespace graft::models {

inline constexpr const char* kDarknetFamily = "darknet";
inline constexpr const char* kDarknetArchitecture = "DarknetForObjectDetection";
/// Of an anchor, before those of its classes: x, y, width, height, objectness.
inline constexpr int64_t kBoxRows = 5;

/// The text of the .cfg in a config; absent, it is an error (exit code 3).
std::string darknet_cfg(const Json& config);

/// Appends the chain that config["cfg"] describes, for so many classes; the text in the config
/// changes with them. "backbone_layers" and "head" (last, branches) say how it is divided
/// (darknet/chain.h), "batch_norm_eps" is added to variances: 1e-6 as in OpenCV, where Darknet has
/// 1e-5.
void build_darknet(Model& model, int64_t classes);

/// The cfg for the size of pictures that the model's preprocessing gives. A size that the layers
/// cannot work with is an error (exit code 3).
std::string darknet_text(const Model& model);
io::DarknetNet darknet_net(const Model& model);

}  // namespace graft::models
