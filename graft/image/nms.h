#pragma once

#include <vector>

#include "graft/image/box.h"

namespace graft::image {

/// Greedy non-maximum suppression: takes boxes by falling score (ties: as they stand) and drops
/// those whose IoU with one that was taken before is above `most`. Returns the positions of those
/// that stay, best first. Boxes of different labels do not suppress each other.
std::vector<int> suppress(const std::vector<Box>& boxes, const std::vector<float>& scores,
                          const std::vector<int>& labels, float most);

}  // namespace graft::image
