#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graft/base/json.h"

namespace graft {

/// A list of names and of mappings {name: options}, as pairs; a name alone has null for options.
/// Anything else in it is an error (exit code 2) with `where`; `what` is "an augmentation".
std::vector<std::pair<std::string, Json>> named_options(const Json& list, const std::string& where,
                                                        const std::string& what);

}  // namespace graft
