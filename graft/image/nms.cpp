#include "graft/image/nms.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "graft/base/error.h"

namespace graft::image {

std::vector<int> suppress(const std::vector<Box>& boxes, const std::vector<float>& scores,
                          const std::vector<int>& labels, float most) {
  GRAFT_ASSERT(scores.size() == boxes.size() && labels.size() == boxes.size());
  std::vector<int> order(boxes.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](int a, int b) {
    const float left = scores[static_cast<size_t>(a)], right = scores[static_cast<size_t>(b)];
    return left != right ? left > right : a < b;
  });
  if (most >= 1) return order;  // no IoU is above
  std::vector<int> kept;
  std::unordered_map<int, std::vector<Box>> taken;  // by label
  for (const int i : order) {
    const Box& box = boxes[static_cast<size_t>(i)];
    std::vector<Box>& before = taken[labels[static_cast<size_t>(i)]];
    if (std::ranges::any_of(before, [&](const Box& other) { return iou(box, other) > most; }))
      continue;
    before.push_back(box);
    kept.push_back(i);
  }
  return kept;
}

}  // namespace graft::image
