#include "graft/data/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/data/stratify.h"

namespace graft::data {

namespace samplings {
#define SAMPLING(name) SamplingPolicy name();
#include "graft/data/sampling.def"
#undef SAMPLING
}  // namespace samplings

const std::vector<SamplingPolicy>& sampling_policies() {
  static const std::vector<SamplingPolicy> all = {
#define SAMPLING(name) samplings::name(),
#include "graft/data/sampling.def"
#undef SAMPLING
  };
  return all;
}

const std::vector<Option>& sampling_options() {
  static const std::vector<Option> all = [] {
    std::vector<std::string> names;
    for (const auto& policy : sampling_policies()) names.push_back(policy.name);
    return std::vector<Option>{
        number("rate", 1.0, "share of the training data that an epoch sees").between(0, 1),
        text("policy", "uniform", "how that share is chosen").one_of(names)};
  }();
  return all;
}

int64_t epoch_size(int64_t samples, double rate) {
  // 0.07 x 100 is 7.000…001 in binary; that is 7 samples, not 8.
  const double exact = rate * static_cast<double>(samples);
  return std::clamp<int64_t>(static_cast<int64_t>(std::ceil(exact - 1e-9 * std::max(1.0, exact))),
                             std::min<int64_t>(samples, 1), samples);
}

std::vector<int64_t> epoch_order(const std::vector<int>& strata, const SamplingOptions& options,
                                 uint64_t seed, int64_t epoch) {
  if (!(options.rate > 0 && options.rate <= 1)) {
    fail_usage("sampling.rate must be above 0 and at most 1, got {}", options.rate);
  }
  const SamplingPolicy& policy = find_in(sampling_policies(), options.policy, "sampling policy");
  if (strata.empty()) return {};
  const int64_t size = epoch_size(static_cast<int64_t>(strata.size()), options.rate);
  std::vector<int64_t> order(strata.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const bool all = size == static_cast<int64_t>(strata.size()) && !options.balanced;
  if (!all) order = policy.choose({strata, options.balanced, seed, epoch, size});
  constexpr uint64_t kOrder = 0x6F72646572;
  Rng({seed, kOrder, static_cast<uint64_t>(epoch)}).shuffle(order);
  return order;
}

std::vector<int64_t> spread_order(const std::vector<int>& strata) {
  const int count = strata.empty() ? 0 : *std::max_element(strata.begin(), strata.end()) + 1;
  std::vector<std::pair<double, int64_t>> places;  // the k-th of n stands at (k + 1/2) / n
  places.reserve(strata.size());
  for (const auto& members : members_of(strata, count)) {
    for (size_t k = 0; k < members.size(); ++k) {
      places.emplace_back((static_cast<double>(k) + 0.5) / static_cast<double>(members.size()),
                          members[k]);
    }
  }
  std::sort(places.begin(), places.end());
  std::vector<int64_t> order;
  order.reserve(places.size());
  for (const auto& place : places) order.push_back(place.second);
  return order;
}

}  // namespace graft::data
