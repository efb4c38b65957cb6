#include "graft/data/batch_order.h"

#include <algorithm>
#include <span>

#include "graft/base/error.h"
#include "graft/base/rng.h"

namespace graft::data {
namespace {

// As many as group_by_length of transformers has: lengths within a batch are close then, and an
// epoch's order is still random.
constexpr int64_t kWindowBatches = 50;

/// Where the batches of a sorted window end, counted from its begin.
std::vector<int64_t> divide(std::span<const int64_t> window, const std::vector<int64_t>& lengths,
                            int64_t tokens) {
  std::vector<int64_t> ends;
  int64_t sum = 0;
  for (size_t i = 0; i < window.size(); ++i) {
    const int64_t length = lengths[static_cast<size_t>(window[i])];
    if (i > 0 && sum + length > tokens) {
      ends.push_back(static_cast<int64_t>(i));
      sum = 0;
    }
    sum += length;
  }
  ends.push_back(static_cast<int64_t>(window.size()));
  return ends;
}

}  // namespace

BatchOrder batches_of_samples(std::vector<int64_t> order, int64_t size) {
  GRAFT_ASSERT(size > 0);
  BatchOrder result{std::move(order), {}};
  const auto all = static_cast<int64_t>(result.order.size());
  for (int64_t end = size; end < all + size; end += size) result.ends.push_back(std::min(end, all));
  return result;
}

BatchOrder batches_of_tokens(std::vector<int64_t> order, const std::vector<int64_t>& lengths,
                             int64_t tokens, uint64_t seed, int64_t epoch) {
  constexpr uint64_t kTokens = 0x746F6B656E73;
  Rng rng{seed, kTokens, static_cast<uint64_t>(epoch)};
  BatchOrder result;
  result.order.reserve(order.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    for (int64_t sum = 0; end < order.size() && sum < kWindowBatches * tokens; ++end)
      sum += lengths[static_cast<size_t>(order[end])];
    const std::span<int64_t> window(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                    order.begin() + static_cast<std::ptrdiff_t>(end));
    std::stable_sort(window.begin(), window.end(), [&](int64_t a, int64_t b) {
      return lengths[static_cast<size_t>(a)] < lengths[static_cast<size_t>(b)];
    });
    const std::vector<int64_t> ends = divide(window, lengths, tokens);
    for (const int64_t batch : rng.permutation(static_cast<int64_t>(ends.size()))) {
      const auto k = static_cast<size_t>(batch);
      const auto first = window.begin() + (k == 0 ? 0 : ends[k - 1]);
      result.order.insert(result.order.end(), first, window.begin() + ends[k]);
      result.ends.push_back(static_cast<int64_t>(result.order.size()));
    }
    begin = end;
  }
  return result;
}

}  // namespace graft::data
