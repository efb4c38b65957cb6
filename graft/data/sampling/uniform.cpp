#include <algorithm>

#include "graft/base/rng.h"
#include "graft/data/draw.h"
#include "graft/data/sampling.h"
#include "graft/data/stratify.h"

namespace graft::data::samplings {
namespace {

/// The subset does not depend on the epoch.
std::vector<std::vector<int64_t>> fixed_subset(const SamplingRequest& request) {
  const int classes = *std::max_element(request.strata.begin(), request.strata.end()) + 1;
  auto members = members_of(request.strata, classes);
  std::vector<int64_t> sizes;
  sizes.reserve(members.size());
  for (const auto& part : members) sizes.push_back(static_cast<int64_t>(part.size()));
  const auto shares = apportion(request.size, sizes);
  constexpr uint64_t kSubset = 0x737562736574;
  for (size_t c = 0; c < members.size(); ++c) {
    Rng(hash_key({request.seed, kSubset, c})).shuffle(members[c]);
    members[c].resize(static_cast<size_t>(shares[c]));
  }
  return members;
}

std::vector<int64_t> choose(const SamplingRequest& request) {
  const auto members = fixed_subset(request);
  if (request.balanced) {
    std::vector<int64_t> weights;
    weights.reserve(members.size());
    for (const auto& part : members) weights.push_back(part.empty() ? 0 : 1);
    constexpr uint64_t kDraw = 0x62616C616E6365;
    return draw_epoch(members, weights, request.size, hash_key({request.seed, kDraw}),
                      request.epoch);
  }
  std::vector<int64_t> all;
  for (const auto& part : members) all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

SamplingPolicy uniform() {
  SamplingPolicy policy;
  policy.name = "uniform";
  policy.summary = "one fixed part of every class, the same in all epochs";
  policy.source = "stratified random subset, the baseline of Okanovic et al. 2023";
  policy.choose = choose;
  return policy;
}

}  // namespace graft::data::samplings
