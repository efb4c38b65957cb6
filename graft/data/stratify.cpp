#include "graft/data/stratify.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graft/base/error.h"
#include "graft/base/rng.h"

namespace graft::data {
namespace {

int count_of(const std::vector<int>& strata) {
  return strata.empty() ? 0 : *std::max_element(strata.begin(), strata.end()) + 1;
}

}  // namespace

std::vector<int64_t> apportion(int64_t total, const std::vector<int64_t>& weights) {
  const int64_t sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
  GRAFT_ASSERT(sum > 0 && total >= 0);
  std::vector<int64_t> shares;
  std::vector<int64_t> remainders;
  int64_t left = total;
  for (const int64_t weight : weights) {
    const int64_t product = total * weight;
    shares.push_back(product / sum);
    remainders.push_back(product % sum);
    left -= shares.back();
  }
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const bool none_a = shares[a] == 0 && remainders[a] > 0;
    const bool none_b = shares[b] == 0 && remainders[b] > 0;
    return none_a != none_b ? none_a : remainders[a] > remainders[b];
  });
  for (size_t i = 0; i < static_cast<size_t>(left); ++i) ++shares[order[i]];
  return shares;
}

std::vector<std::vector<int64_t>> members_of(const std::vector<int>& strata, int count) {
  std::vector<std::vector<int64_t>> members(static_cast<size_t>(count));
  for (size_t i = 0; i < strata.size(); ++i) {
    members[static_cast<size_t>(strata[i])].push_back(static_cast<int64_t>(i));
  }
  return members;
}

std::vector<int64_t> stratified_part(const std::vector<int>& strata, double fraction,
                                     uint64_t key) {
  auto members = members_of(strata, count_of(strata));
  // One of each stratum stays, so that there is something to learn from.
  std::vector<int64_t> room;
  std::vector<int64_t> weights;
  for (const auto& part : members) {
    const auto size = static_cast<int64_t>(part.size());
    room.push_back(std::max<int64_t>(size - 1, 0));
    weights.push_back(size > 1 ? size : 0);
  }
  const int64_t most = std::accumulate(room.begin(), room.end(), int64_t{0});
  const int64_t total =
      std::min<int64_t>(std::llround(fraction * static_cast<double>(strata.size())), most);
  if (total <= 0) return {};
  auto shares = apportion(total, weights);
  int64_t left = 0;
  for (size_t c = 0; c < shares.size(); ++c) {
    const int64_t allowed = std::min(shares[c], room[c]);
    left += shares[c] - allowed;
    shares[c] = allowed;
    room[c] -= allowed;
  }
  for (; left > 0; --left) {
    const auto widest = std::max_element(room.begin(), room.end()) - room.begin();
    --room[static_cast<size_t>(widest)];
    ++shares[static_cast<size_t>(widest)];
  }
  std::vector<int64_t> taken;
  for (size_t c = 0; c < members.size(); ++c) {
    Rng(hash_key({key, c})).shuffle(members[c]);
    taken.insert(taken.end(), members[c].begin(), members[c].begin() + shares[c]);
  }
  std::sort(taken.begin(), taken.end());
  return taken;
}

std::vector<int> stratified_folds(const std::vector<int>& strata, int folds, uint64_t key) {
  std::vector<int> fold_of(strata.size());
  auto members = members_of(strata, count_of(strata));
  // One deal through all strata: each goes on where the former stopped, so that the totals are even
  // too.
  size_t dealt = 0;
  for (size_t c = 0; c < members.size(); ++c) {
    Rng(hash_key({key, c})).shuffle(members[c]);
    for (const int64_t i : members[c]) {
      fold_of[static_cast<size_t>(i)] = static_cast<int>(dealt++ % static_cast<size_t>(folds));
    }
  }
  return fold_of;
}

}  // namespace graft::data
