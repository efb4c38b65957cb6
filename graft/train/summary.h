#pragma once

#include <optional>

#include "graft/train/loop.h"
#include "graft/train/run.h"

namespace graft::train {

/// summary.json as docs/run_folder.md describes it; `test` is absent while the run goes on.
Json make_summary(const Job& job, const Loop& loop, const PlanFacts& facts,
                  const std::string& status, const std::optional<Measurement>& test,
                  const std::string& split);

}  // namespace graft::train
