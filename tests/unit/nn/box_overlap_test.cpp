#include "graft/nn/box_overlap.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <functional>

namespace graft::nn {
namespace {

at::Tensor boxes(const std::vector<double>& corners) {
  return at::tensor(corners, at::kDouble).view({-1, 4});
}

/// The gradient of f(a).sum() by differences.
at::Tensor by_differences(const std::function<at::Tensor(const at::Tensor&)>& f,
                          const at::Tensor& a) {
  constexpr double kStep = 1e-6;
  const at::NoGradGuard no_grad;
  at::Tensor gradient = at::zeros_like(a);
  for (int64_t i = 0; i < a.numel(); ++i) {
    at::Tensor up = a.detach().clone(), down = up.clone();
    up.view(-1)[i] += kStep;
    down.view(-1)[i] -= kStep;
    gradient.view(-1)[i] = (f(up).sum() - f(down).sum()) / (2 * kStep);
  }
  return gradient;
}

const std::vector<Overlap> kKinds{Overlap::iou, Overlap::giou, Overlap::diou, Overlap::ciou};

TEST(BoxOverlap, KnownValues) {
  const at::Tensor a = boxes({0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 1, 1});
  const at::Tensor b = boxes({1, 0, 3, 2, 0, 0, 2, 2, 3, 0, 4, 1});
  EXPECT_TRUE(overlap(a, b, Overlap::iou).allclose(at::tensor({1 / 3.0, 1.0, 0.0}, at::kDouble)));
  EXPECT_TRUE(overlap(a, b, Overlap::giou).allclose(at::tensor({1 / 3.0, 1.0, -0.5}, at::kDouble)));
  // Centres 1 apart in a box of 3 x 2, and 3 apart in one of 4 x 1.
  const at::Tensor diou = at::tensor({1 / 3.0 - 1 / 13.0, 1.0, -9 / 17.0}, at::kDouble);
  EXPECT_TRUE(overlap(a, b, Overlap::diou).allclose(diou));
  EXPECT_TRUE(overlap(a, b, Overlap::ciou).allclose(diou)) << "squares all of them";
  const at::Tensor upright = overlap(boxes({0, 0, 1, 2}), boxes({0, 0, 2, 1}), Overlap::ciou);
  const double angle = std::atan(0.5) - std::atan(2.0);
  const double v = 4 / (M_PI * M_PI) * angle * angle;
  const double iou = 1 / 3.0;
  EXPECT_NEAR(upright.item<double>(), iou - (0.25 + 0.25) / 8 - v * v / (1 - iou + v), 1e-6);
}

TEST(BoxOverlap, GradientsAreThoseOfDifferences) {
  const at::Tensor a = boxes({3, 4, 17, 11, 0, 0, 5, 6, 30, 2, 44, 19, 1, 1, 60, 60});
  const at::Tensor b = boxes({5, 1, 20, 13, 7, 8, 11, 12, 31, 4, 40, 12, 20, 30, 28, 44});
  for (const Overlap kind : kKinds) {
    const at::Tensor leaf = a.clone().set_requires_grad(true);
    overlap(leaf, b, kind).sum().backward();
    auto f = [&](const at::Tensor& x) { return overlap(x, b, kind); };
    at::Tensor expected;
    if (kind == Overlap::ciou) {
      // The weight of the last term does not move: ciou = diou - weight * v at the starting point.
      const at::Tensor term =
          (overlap(a, b, Overlap::diou) - overlap(a, b, Overlap::ciou)).clamp_min(1e-12);
      const at::Tensor iou = overlap(a, b, Overlap::iou);
      // term = v^2 / (1 - iou + v), so v is the positive root of v^2 - term v - term (1 - iou).
      const at::Tensor v = (term + (term.square() + 4 * term * (1 - iou)).sqrt()) / 2;
      const auto proportions = [&](const at::Tensor& x) {
        const auto angle = [](const at::Tensor& y) {
          return at::atan((y.select(1, 2) - y.select(1, 0)) / (y.select(1, 3) - y.select(1, 1)));
        };
        return 4 / (M_PI * M_PI) * (angle(x) - angle(b)).square();
      };
      EXPECT_TRUE(proportions(a).allclose(v, 1e-4));
      expected = by_differences(
          [&](const at::Tensor& x) {
            return overlap(x, b, Overlap::diou) - term / v * proportions(x);
          },
          a);
    } else {
      expected = by_differences(f, a);
    }
    EXPECT_LT((leaf.grad() - expected).abs().max().item<double>(), 1e-6)
        << static_cast<int>(kind) << "\n"
        << leaf.grad() << expected;
  }
}

TEST(BoxOverlap, EmptyBoxesGiveNoNan) {
  const at::Tensor empty = boxes({5, 5, 5, 5, 1, 1, 1, 9, 0, 0, 0, 0, 4, 4, 2, 2});
  for (const at::Tensor& other : {empty, boxes({0, 0, 9, 9, 1, 1, 1, 9, 5, 5, 6, 6, 0, 0, 9, 9})}) {
    for (const Overlap kind : kKinds) {
      const at::Tensor leaf = empty.clone().set_requires_grad(true);
      const at::Tensor value = overlap(leaf, other, kind);
      value.sum().backward();
      EXPECT_TRUE(value.isfinite().all().item<bool>());
      EXPECT_TRUE(leaf.grad().isfinite().all().item<bool>()) << static_cast<int>(kind);
    }
  }
}

TEST(BoxOverlap, EveryPair) {
  const at::Tensor a = boxes({0, 0, 2, 2, 1, 0, 3, 2, 8, 8, 9, 9});
  const at::Tensor b = boxes({0, 0, 2, 2, 1, 1, 2, 2});
  const at::Tensor expected =
      at::tensor({1.0, 0.25, 1 / 3.0, 0.25, 0.0, 0.0}, at::kDouble).view({3, 2});
  EXPECT_TRUE(pairwise_iou(a, b).allclose(expected));
}

}  // namespace
}  // namespace graft::nn
