#include <algorithm>

#include "graft/base/rng.h"
#include "graft/data/draw.h"
#include "graft/data/sampling.h"
#include "graft/data/stratify.h"

namespace graft::data::samplings {
namespace {

std::vector<int64_t> choose(const SamplingRequest& request) {
  const int classes = *std::max_element(request.strata.begin(), request.strata.end()) + 1;
  const auto members = members_of(request.strata, classes);
  std::vector<int64_t> weights;
  weights.reserve(members.size());
  for (const auto& part : members) {
    weights.push_back(request.balanced ? (part.empty() ? 0 : 1)
                                       : static_cast<int64_t>(part.size()));
  }
  constexpr uint64_t kDraw = 0x727332;
  return draw_epoch(members, weights, request.size, hash_key({request.seed, kDraw}), request.epoch);
}

}  // namespace

SamplingPolicy rs2() {
  SamplingPolicy policy;
  policy.name = "rs2";
  policy.summary =
      "a new part of every class each epoch; every sample is seen before any is seen again";
  policy.source =
      "Okanovic et al. 2023, Repeated Random Sampling for Minimizing the Time-to-Accuracy of "
      "Learning, "
      "arXiv:2305.18424 (without replacement; here stratified by class)";
  policy.choose = choose;
  return policy;
}

}  // namespace graft::data::samplings
