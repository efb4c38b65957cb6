#pragma once

#include <string>

#include "graft/report/run_folder.h"

namespace graft::report {

/// Of a regression, or of pairs with a score: what was predicted against what is true, as means and
/// spread of tenths of the samples, ordered by the true number. Empty below 30 samples, and for
/// classes.
std::string numbers_chart(const RunFolder& run, const std::string& split);

}  // namespace graft::report
