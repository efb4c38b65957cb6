#pragma once

#include <string>

#include "graft/report/examples.h"
#include "graft/report/run_folder.h"

namespace graft::report {

struct RunPageOptions {
  Picture picture = {};  ///< of the worst examples; none when empty
  Words words = {};      ///< texts of the worst examples; their names when empty
  size_t examples = 24;  ///< how many of them
};

/// One self-contained HTML page about a run, finished or still going on. The same folder gives the
/// same bytes.
std::string render_run(const RunFolder& run, const RunPageOptions& options = {});

/// The state of a run as a coloured label (HTML); shared with the comparison.
std::string status_pill(const std::string& status);

}  // namespace graft::report
