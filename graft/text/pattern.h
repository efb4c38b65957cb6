#pragma once

#include "graft/text/node.h"
#include "graft/text/pieces.h"
#include "graft/text/regex.h"

namespace graft::texts {

/// {"String": "..."} or {"Regex": "..."}.
Regex read_pattern(const Node& node);
/// "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext" or "Contiguous".
SplitBehavior read_behavior(const Node& node);

}  // namespace graft::texts
