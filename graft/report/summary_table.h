#pragma once

#include <string>

#include "graft/report/run_folder.h"

namespace graft::report {

/// What a run achieved and cost, as lines for a terminal.
std::string summary_table(const RunFolder& run);

}  // namespace graft::report
