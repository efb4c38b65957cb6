#include "graft/data/quotas.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "graft/base/error.h"

namespace graft::data {
namespace {

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace

Quotas::Quotas(const std::vector<int64_t>& weights, int64_t size)
    : sum_(std::accumulate(weights.begin(), weights.end(), int64_t{0})) {
  GRAFT_ASSERT(sum_ > 0 && size >= 0);
  extras_ = size;
  for (const int64_t weight : weights) {
    const int64_t product = size * weight;
    Class item;
    item.whole = product / sum_;
    item.part = product % sum_;
    item.heavy = 2 * item.part >= sum_;
    extras_ -= item.whole;
    prepare(item);
    classes_.push_back(item);
  }
}

void Quotas::prepare(Class& item) const {
  if (item.part == 0) return;
  const int64_t i = item.given + 1;
  item.release = (i - 1) * sum_ / item.part;
  item.deadline = divide_up(i * sum_, item.part);
  item.pressing = i * sum_ % item.part != 0;
  // Of a light class nothing forces anything.
  const int64_t rest = sum_ - item.part;
  item.group = item.heavy ? divide_up(divide_up(item.deadline * rest, sum_) * sum_, rest) : 0;
}

std::vector<int64_t> Quotas::next() {
  std::vector<Class*> due;
  std::vector<int64_t> counts;
  for (Class& item : classes_) {
    counts.push_back(item.whole);
    if (item.part > 0 && item.release <= epoch_) due.push_back(&item);
  }
  const auto extras = static_cast<size_t>(extras_);
  GRAFT_ASSERT(due.size() >= extras);
  // Earlier deadline first; then those that press the next one; then the longer chain; then the
  // position.
  const auto rank = [](const Class* item) {
    return std::make_tuple(item->deadline, !item->pressing, item->pressing ? -item->group : 0,
                           item);
  };
  std::sort(due.begin(), due.end(),
            [&](const Class* a, const Class* b) { return rank(a) < rank(b); });
  for (size_t k = 0; k < extras; ++k) {
    Class& item = *due[k];
    ++counts[static_cast<size_t>(&item - classes_.data())];
    ++item.given;
    prepare(item);
  }
  ++epoch_;
  return counts;
}

}  // namespace graft::data
