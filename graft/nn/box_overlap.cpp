#include "graft/nn/box_overlap.h"

#include <torch/types.h>

namespace graft::nn {
namespace {

constexpr double kSmall = 1e-7;  // keeps empty boxes from dividing by zero
constexpr double kPi = 3.14159265358979323846;

struct Corners {
  explicit Corners(const at::Tensor& boxes)
      : x0(boxes.select(-1, 0)),
        y0(boxes.select(-1, 1)),
        x1(boxes.select(-1, 2)),
        y1(boxes.select(-1, 3)) {}
  at::Tensor width() const { return x1 - x0; }
  at::Tensor height() const { return y1 - y0; }
  at::Tensor area() const { return width().clamp_min(0) * height().clamp_min(0); }
  Corners columns() const {
    Corners result = *this;
    for (at::Tensor* side : {&result.x0, &result.y0, &result.x1, &result.y1})
      *side = side->unsqueeze(-1);
    return result;
  }
  at::Tensor x0, y0, x1, y1;
};

struct Areas {
  at::Tensor common, together;
};

Areas areas(const Corners& a, const Corners& b) {
  const at::Tensor w = (at::minimum(a.x1, b.x1) - at::maximum(a.x0, b.x0)).clamp_min(0);
  const at::Tensor h = (at::minimum(a.y1, b.y1) - at::maximum(a.y0, b.y0)).clamp_min(0);
  const at::Tensor common = w * h;
  return {common, (a.area() + b.area() - common).clamp_min(kSmall)};
}

/// 4 / pi^2 x the square of the angle between the diagonals (Zheng et al. 2020, equation 9).
at::Tensor difference_of_proportions(const Corners& a, const Corners& b) {
  const auto angle = [](const Corners& c) {
    return at::atan(c.width() / c.height().clamp_min(kSmall));
  };
  return 4 / (kPi * kPi) * (angle(a) - angle(b)).square();
}

}  // namespace

at::Tensor overlap(const at::Tensor& a, const at::Tensor& b, Overlap kind) {
  const Corners p(a), q(b);
  const auto [common, together] = areas(p, q);
  const at::Tensor iou = common / together;
  if (kind == Overlap::iou) return iou;
  // The smallest box around both.
  const at::Tensor w = at::maximum(p.x1, q.x1) - at::minimum(p.x0, q.x0);
  const at::Tensor h = at::maximum(p.y1, q.y1) - at::minimum(p.y0, q.y0);
  if (kind == Overlap::giou) {
    const at::Tensor around = (w * h).clamp_min(kSmall);
    return iou - (around - together) / around;
  }
  const at::Tensor dx = (p.x0 + p.x1 - q.x0 - q.x1) / 2;
  const at::Tensor dy = (p.y0 + p.y1 - q.y0 - q.y1) / 2;
  const at::Tensor diagonal = (w.square() + h.square()).clamp_min(kSmall);
  const at::Tensor diou = iou - (dx.square() + dy.square()) / diagonal;
  if (kind == Overlap::diou) return diou;
  const at::Tensor v = difference_of_proportions(p, q);
  const at::Tensor weight = (v / (1 - iou + v + kSmall)).detach();
  return diou - weight * v;
}

at::Tensor pairwise_iou(const at::Tensor& a, const at::Tensor& b) {
  const auto [common, together] = areas(Corners(a).columns(), Corners(b));
  return common / together;
}

}  // namespace graft::nn
