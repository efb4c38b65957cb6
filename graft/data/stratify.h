#pragma once

#include <cstdint>
#include <vector>

namespace graft::data {

/// Shares `total` out in proportion to `weights` (not all 0): largest remainders, so that no share
/// is a whole unit away from its exact value. Shares that would be 0 come first, then the larger
/// remainder, then the lower position.
std::vector<int64_t> apportion(int64_t total, const std::vector<int64_t>& weights);

/// Positions of each stratum; `strata` holds numbers in [0, count).
std::vector<std::vector<int64_t>> members_of(const std::vector<int>& strata, int count);

/// A stratified random part of about `fraction` of the positions 0 … strata.size()-1:
/// round(fraction x n) of them, every stratum in proportion (within one), and at least one of each
/// stratum is left over. The result is rising. Depends on its arguments only.
std::vector<int64_t> stratified_part(const std::vector<int>& strata, double fraction, uint64_t key);

/// A fold in [0, folds) for every position: sizes of the folds differ by at most one, in each
/// stratum and in all.
std::vector<int> stratified_folds(const std::vector<int>& strata, int folds, uint64_t key);

}  // namespace graft::data
