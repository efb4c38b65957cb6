#include "graft/data/draw.h"

#include <algorithm>
#include <unordered_set>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/data/quotas.h"

namespace graft::data {
namespace {

/// The endless stream of one class.
class Stream {
 public:
  Stream(const std::vector<int64_t>& members, uint64_t key) : members_(members), key_(key) {}

  std::vector<int64_t> take(int64_t count) {
    std::vector<int64_t> taken;
    while (count > 0) {
      if (at_ == order_.size()) start_pass(taken, count);
      const auto part = std::min(static_cast<size_t>(count), order_.size() - at_);
      const auto from = order_.begin() + static_cast<std::ptrdiff_t>(at_);
      taken.insert(taken.end(), from, from + static_cast<std::ptrdiff_t>(part));
      at_ += part;
      count -= static_cast<int64_t>(part);
    }
    return taken;
  }

 private:
  /// What this epoch already has must not be among its next `count` as long as there are others.
  void start_pass(const std::vector<int64_t>& taken, int64_t count) {
    order_ = members_;
    Rng rng({key_, pass_++});
    rng.shuffle(order_);
    at_ = 0;
    const auto front = std::min(static_cast<size_t>(count), order_.size());
    const std::unordered_set<int64_t> had(taken.begin(), taken.end());
    // Every member outside of the front that is fresh can take the place of one inside that is not.
    size_t fresh = front;
    for (size_t i = 0; i < front; ++i) {
      if (!had.contains(order_[i])) continue;
      while (fresh < order_.size() && had.contains(order_[fresh])) ++fresh;
      if (fresh == order_.size()) return;
      std::swap(order_[i], order_[fresh++]);
    }
  }

  const std::vector<int64_t>& members_;
  uint64_t key_;
  uint64_t pass_ = 0;
  std::vector<int64_t> order_;
  size_t at_ = 0;
};

}  // namespace

std::vector<int64_t> draw_epoch(const std::vector<std::vector<int64_t>>& members,
                                const std::vector<int64_t>& weights, int64_t size, uint64_t key,
                                int64_t epoch) {
  Quotas quotas(weights, size);
  std::vector<Stream> streams;
  for (size_t c = 0; c < members.size(); ++c) {
    GRAFT_ASSERT(weights[c] == 0 || !members[c].empty());
    streams.emplace_back(members[c], hash_key({key, c}));
  }
  std::vector<int64_t> drawn;
  for (int64_t e = 0; e <= epoch; ++e) {
    const auto counts = quotas.next();
    for (size_t c = 0; c < streams.size(); ++c) {
      const auto taken = streams[c].take(counts[c]);
      if (e == epoch) drawn.insert(drawn.end(), taken.begin(), taken.end());
    }
  }
  return drawn;
}

}  // namespace graft::data
