#pragma once

#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft::image {

/// A named list of augmentations.
struct Policy {
  std::string name;
  std::string summary;
  Json steps;  ///< what Augmentation, or BoxAugmentation, takes
  std::string source;
};

/// none, flip, light, standard, randaugment, trivial, strong: from weakest to strongest.
const std::vector<Policy>& policies();
/// Null when there is none of that name.
const Policy* find_policy(const std::string& name);

/// Of pictures in which objects are marked: none, flip, light, standard, strong.
const std::vector<Policy>& box_policies();
const Policy* find_box_policy(const std::string& name);

}  // namespace graft::image
