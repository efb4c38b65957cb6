#pragma once

#include <vector>

#include "graft/image/image.h"
#include "graft/models/detector.h"

namespace graft::models {

/// The objects that have an area inside a picture of that size, cut at its borders; `skipped`
/// counts the others. Labels must be below `classes`.
std::vector<std::vector<Truth>> usable_truth(const std::vector<std::vector<Truth>>& truth,
                                             image::Dimensions input, int64_t classes,
                                             int64_t& skipped);

/// What "objects" [B, M, 5] in a flow say: boxes in pixels of the network's input and labels; rows
/// with a label below 0 are none.
std::vector<std::vector<Truth>> truth_in(const at::Tensor& objects);

}  // namespace graft::models
