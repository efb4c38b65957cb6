#pragma once

#include "graft/data/dataset.h"

namespace graft::data {

/// Gives the samples of a data set the class indices of another list: class i becomes `mapping[i]`
/// of `classes`, which may hold classes without samples (those of an earlier run).
void relabel(Dataset& dataset, const std::vector<std::string>& classes,
             const std::vector<int>& mapping);

/// What lies behind a source that relabel made, sample for sample; any other is itself.
const Source& behind_relabelling(const Source& source);

}  // namespace graft::data
