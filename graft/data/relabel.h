#pragma once

#include <string>
#include <vector>

#include "graft/data/dataset.h"

namespace graft::data {

/// `first` in its order, then those of `more` that it lacks.
std::vector<std::string> joined_classes(const std::vector<std::string>& first,
                                        const std::vector<std::string>& more);

/// Gives the samples of a data set the class indices of another list, by name. `classes` has all of
/// the data set's, and may have classes without samples (those of an earlier run).
void relabel(Dataset& dataset, const std::vector<std::string>& classes);

/// What lies behind a source that relabel made, sample for sample; any other is itself.
const Source& behind_relabelling(const Source& source);

}  // namespace graft::data
