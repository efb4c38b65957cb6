#pragma once

#include <cstdint>
#include <vector>

namespace graft::data {

/// Draws from every class without replacement across epochs: an endless stream of permutations of
/// its members, of which an epoch takes the next `count`. So every member is seen before any is
/// seen again, and none twice in one epoch as long as the epoch takes no more than there are.
///
/// `members` are the classes' positions, `weights` their shares of an epoch of `size`. Returns the
/// positions of epoch `epoch` (from 0), class by class.
std::vector<int64_t> draw_epoch(const std::vector<std::vector<int64_t>>& members,
                                const std::vector<int64_t>& weights, int64_t size, uint64_t key,
                                int64_t epoch);

}  // namespace graft::data
