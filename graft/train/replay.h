#pragma once

#include <filesystem>
#include <set>
#include <vector>

namespace graft::train {

/// What a run under a time budget decided by the clock, read back from its log.jsonl: the progress at
/// every update and the updates after which it evaluated. Repeating it gives the same weights.
struct Replay {
  std::vector<double> progress;    ///< of update 1, 2, …
  std::set<int64_t> evaluations;   ///< steps
};

Replay read_replay(const std::filesystem::path& log);

}  // namespace graft::train
