#pragma once

#include <filesystem>
#include <set>
#include <vector>

namespace graft::train {

/// What a run under a time budget decided by the clock, read back from its log.jsonl: the progress
/// at every update, the updates after which it evaluated, and which of these were the best.
/// Repeating it gives the same weights.
struct Replay {
  std::vector<double> progress;   ///< of update 1, 2, …
  std::set<int64_t> evaluations;  ///< steps
  std::set<int64_t> best;         ///< steps whose evaluation was the best until then
};

Replay read_replay(const std::filesystem::path& log);

}  // namespace graft::train
