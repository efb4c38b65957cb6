#pragma once

#include "graft/models/family.h"
#include "graft/models/rt_detr/settings.h"

namespace graft::models::rtdetr {

/// A family that shares these files, without name, summary, source, model types and architectures.
/// Files of transformers 4 and 5 are read, and written as those of 5 are.
Family family_of(Kind kind);

}  // namespace graft::models::rtdetr
