#pragma once

#include "graft/data/dataset.h"

namespace graft::data {

/// Makes texts to continue (records) the pairs of answers that a preference is learned from:
/// `target` becomes Target::preference, and records without both a chosen and a rejected answer are
/// left out and counted in the notes. Other data, and no pair to train on, are errors (exit code
/// 2).
void keep_preferences(Dataset& data);

}  // namespace graft::data
