#pragma once

#include <string>

#include "graft/report/run_folder.h"
#include "graft/report/table.h"

/// The parts of a report that speak about the budget, the plan and the price. Each is HTML, empty
/// when the run says nothing about it.
namespace graft::report {

/// How much of each part of the budget was used.
std::string budget_meters(const RunFolder& run);
/// "60 % of 10 min 00 s, 38 % of 2.00 GiB", for a headline; empty without a budget.
std::string budget_words(const RunFolder& run);

/// Predicted and measured time and memory. Rows without a prediction are left out.
Table prediction_table(const RunFolder& run);

/// This run beside full fine-tuning: operations, time, memory, samples, updates.
std::string cost_bars(const RunFolder& run);

/// What the planner weighed.
std::string candidate_table(const RunFolder& run);

/// What was decided, and why.
std::string decision_table(const RunFolder& run);

}  // namespace graft::report
