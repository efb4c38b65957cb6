#pragma once

#include <optional>

#include "graft/data/dataset.h"

namespace graft::data {

/// Puts samples of earlier data behind the new ones, so that what was learned then is not forgotten
/// (rehearsal; Robins 1995, and Shin et al. 2017, arXiv:1705.08690): of `earlier`'s training split
/// `samples` that stand for the whole (all where there are fewer, or it is unset), and all of its
/// validation and test splits. Classes are joined by name, the new data's first. Data of another
/// kind are an error (exit code 2).
void add_replay(Dataset& dataset, Dataset earlier, std::optional<int64_t> samples);

/// Where in a view's source earlier samples begin; its size where there are none.
int64_t replay_begin(const View& view);

/// What `replay` in a configuration says: a path, or a mapping for open_dataset with `samples`.
void open_replay(Dataset& dataset, const Json& replay, uint64_t seed);

}  // namespace graft::data
