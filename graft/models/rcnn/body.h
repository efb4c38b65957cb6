#pragma once

#include "graft/models/family.h"
#include "graft/models/rcnn/pyramid.h"
#include "graft/models/rcnn/settings.h"

namespace graft::models {

/// Appends the body, "backbone.body", and the pyramid on its maps from stage `first` on,
/// "backbone.fpn": torchvision's names.
void add_body(Model& model, const BodySettings& settings, int64_t first, PyramidTop top);

/// As torchvision initialises them; random numbers depend on names.
void init_body(Model& model, const nn::Init& random);

/// What files of before torchvision 0.13 call the pyramid's layers.
std::vector<Rename> old_pyramid_names();

}  // namespace graft::models
