#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "graft/base/catalog.h"

namespace graft::data {

/// How much of the training data an epoch sees.
struct SamplingOptions {
  double rate = 1;  ///< in (0, 1]: an epoch has ceil(rate x N) samples
  std::string policy = "uniform";
  bool balanced = false;  ///< classes equally often, small ones repeatedly (an option of `train`)
};

/// What a policy decides from; `strata` has the stratum of every position (see View::strata).
struct SamplingRequest {
  const std::vector<int>& strata;
  bool balanced;
  uint64_t seed;
  int64_t epoch;  ///< from 0
  int64_t size;   ///< samples of an epoch
};

/// A way to choose the samples of an epoch. sampling/<name>.cpp makes one, sampling.def lists it.
struct SamplingPolicy : Entry {
  /// The positions of one epoch, in any order.
  std::function<std::vector<int64_t>(const SamplingRequest& request)> choose;
};

const std::vector<SamplingPolicy>& sampling_policies();
/// The keys of `sampling`: rate and policy.
const std::vector<Option>& sampling_options();

/// Samples of an epoch: ceil(rate x samples).
int64_t epoch_size(int64_t samples, double rate);

/// Positions in the view, in the order in which the epoch visits them: a pure function of its
/// arguments. Strata are numbers from 0; those without a member are allowed.
std::vector<int64_t> epoch_order(const std::vector<int>& strata, const SamplingOptions& options,
                                 uint64_t seed, int64_t epoch);

/// All positions in an order of which every beginning holds the strata in about their shares: what
/// is cut short anywhere still stands for the whole.
std::vector<int64_t> spread_order(const std::vector<int>& strata);

}  // namespace graft::data
