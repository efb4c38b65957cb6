#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "graft/train/batches.h"

namespace graft::train {

/// What a run under a time budget decided by the clock, read back from its log.jsonl: the progress
/// at every update, the updates after which it evaluated, which of these were the best, and what
/// its caches held.
/// Repeating it gives the same weights.
struct Replay {
  std::vector<double> progress;   ///< of update 1, 2, …
  std::set<int64_t> evaluations;  ///< steps
  std::set<int64_t> best;         ///< steps whose evaluation was the best until then
  std::map<int64_t, Kept> kept;   ///< stage → what its cache held, where the clock cut it
};

Replay read_replay(const std::filesystem::path& log);

}  // namespace graft::train
