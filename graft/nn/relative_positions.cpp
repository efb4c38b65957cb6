#include "graft/nn/relative_positions.h"

#include <torch/types.h>

#include "graft/base/error.h"

namespace graft::nn {
namespace {

constexpr int64_t kUsual = 1024;  // tokens

}  // namespace

RelativePositions::RelativePositions(int64_t buckets, int64_t reach)
    : buckets_(buckets), reach_(reach) {
  GRAFT_ASSERT(reach >= 1 && (buckets == 0 || (buckets >= 2 && reach - 1 > buckets / 2)));
  usual_ = table(kUsual);
}

at::Tensor RelativePositions::table(int64_t longest) const {
  at::Tensor far = at::arange(longest);
  if (buckets_ > 0) {
    const int64_t middle = buckets_ / 2;
    const at::Tensor steps =
        at::log(far.to(at::kFloat).clamp_min(static_cast<double>(middle)) / middle) /
        at::log(at::scalar_tensor(static_cast<double>(reach_ - 1) / static_cast<double>(middle),
                                  at::kFloat)) *
        (middle - 1);
    far = at::where(far <= middle, far, at::ceil(steps).to(at::kLong) + middle);
  }
  const at::Tensor before = far.narrow(0, 1, longest - 1).flip(0).neg();
  return at::cat({before, far}).add_(span()).clamp_(0, 2 * span() - 1);
}

RelativeRows RelativePositions::rows(int64_t keys, int64_t queries) const {
  GRAFT_ASSERT(queries >= 1 && queries <= keys);
  const at::Tensor all = keys <= kUsual ? usual_ : table(keys);
  const int64_t middle = all.size(0) / 2;
  const at::Tensor read = all.narrow(0, middle - (keys - 1), keys - 1 + queries);
  RelativeRows rows;
  rows.zero = keys - 1;
  // A larger distance never has a smaller row.
  rows.first = read[0].item<int64_t>();
  rows.count = read[-1].item<int64_t>() - rows.first + 1;
  rows.of_distance = read - rows.first;
  return rows;
}

}  // namespace graft::nn
