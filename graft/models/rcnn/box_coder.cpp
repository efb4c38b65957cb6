#include "graft/models/rcnn/box_coder.h"

#include <torch/types.h>

#include <cmath>

namespace graft::models {
namespace {

const double kLargestLog = std::log(1000.0 / 16);

struct Centred {
  explicit Centred(const at::Tensor& boxes)
      : w(boxes.select(-1, 2) - boxes.select(-1, 0)),
        h(boxes.select(-1, 3) - boxes.select(-1, 1)),
        x(boxes.select(-1, 0) + 0.5 * w),
        y(boxes.select(-1, 1) + 0.5 * h) {}
  at::Tensor w, h, x, y;
};

}  // namespace

at::Tensor BoxCoder::encode(const at::Tensor& to, const at::Tensor& from) const {
  const Centred a(from), b(to);
  return at::stack({(b.x - a.x) / a.w * weights[0], (b.y - a.y) / a.h * weights[1],
                    (b.w / a.w).log() * weights[2], (b.h / a.h).log() * weights[3]},
                   -1);
}

at::Tensor BoxCoder::decode(const at::Tensor& offsets, const at::Tensor& from) const {
  const Centred a(from);
  const at::Tensor x = offsets.select(-1, 0) / weights[0] * a.w + a.x;
  const at::Tensor y = offsets.select(-1, 1) / weights[1] * a.h + a.y;
  const at::Tensor w =
      0.5 * (offsets.select(-1, 2) / weights[2]).clamp_max(kLargestLog).exp() * a.w;
  const at::Tensor h =
      0.5 * (offsets.select(-1, 3) / weights[3]).clamp_max(kLargestLog).exp() * a.h;
  return at::stack({x - w, y - h, x + w, y + h}, -1);
}

at::Tensor cut_at_borders(const at::Tensor& boxes, int64_t height, int64_t width) {
  const at::Tensor x = boxes.slice(-1, 0, c10::nullopt, 2).clamp(0, width);
  const at::Tensor y = boxes.slice(-1, 1, c10::nullopt, 2).clamp(0, height);
  return at::stack({x, y}, -1).flatten(-2);
}

}  // namespace graft::models
