#pragma once

#include <string>
#include <vector>

#include "graft/report/run_folder.h"
#include "graft/report/table.h"

namespace graft::report {

/// One page about several runs: a table, bars with intervals, curves over each other, and the
/// settings in which they differ. Runs of one name are told apart by their paths. Throws (exit code
/// 2) without a run.
std::string render_comparison(const std::vector<RunFolder>& runs);

/// Metric, loss, trainable parameters, time, CPU time, memory, operations and savings, a run a row.
Table comparison_table(const std::vector<RunFolder>& runs);

/// The settings (dotted keys) whose values are not the same in all runs; a column a run.
Table config_differences(const std::vector<RunFolder>& runs);

}  // namespace graft::report
