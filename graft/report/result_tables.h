#pragma once

#include <string>

#include "graft/report/run_folder.h"

namespace graft::report {

/// The summary's metrics with their intervals. Empty without any.
std::string metric_table(const RunFolder& run);

/// A table with a row a class (or type of entities): the summary's own numbers, whatever columns a
/// task has, else what the predictions say. Folded away when it is long. Empty where there are no
/// classes.
std::string class_table(const RunFolder& run, const std::string& split);

/// Classes that an earlier run knew against new ones, of a run that goes on from one
/// (`by_origin` in the summary). Empty for other runs.
std::string origin_table(const RunFolder& run);

}  // namespace graft::report
