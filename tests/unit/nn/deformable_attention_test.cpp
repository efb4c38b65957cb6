#include "graft/nn/deformable_attention.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/nn/cost_meter.h"
#include "tests/support/support.h"

namespace graft::nn {
namespace {

/// Two maps, three places of a head in the first and one in the second.
struct Case {
  std::vector<MapSize> maps{{3, 4}, {2, 2}};
  std::vector<int64_t> points{3, 1};
  at::Tensor values = at::randn({2, 16, 2, 5}, at::kDouble);
  at::Tensor places = at::rand({2, 6, 2, 4, 2}, at::kDouble) * 1.4 - 0.2;
  at::Tensor weights = at::softmax(at::randn({2, 6, 2, 4}, at::kDouble), -1);
  at::Tensor read(Sampling sampling) const {
    return deformable_attention(values, maps, places, weights, points, sampling, {});
  }
};

/// The definition, number by number.
at::Tensor by_hand(const Case& c, Sampling sampling) {
  at::Tensor result = at::zeros({2, 6, 2 * 5}, at::kDouble);
  const auto places = c.places.accessor<double, 5>();
  const auto pixel = [&](int64_t b, int64_t head, int64_t first, const MapSize& map, int64_t y,
                         int64_t x) {
    return y < 0 || y >= map.height || x < 0 || x >= map.width
               ? at::zeros({5}, at::kDouble)
               : c.values[b][first + y * map.width + x][head];
  };
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t q = 0; q < 6; ++q) {
      for (int64_t head = 0; head < 2; ++head) {
        for (int64_t p = 0; p < 4; ++p) {
          const size_t level = p < 3 ? 0 : 1;
          const MapSize& map = c.maps[level];
          const int64_t first = level == 0 ? 0 : 12;
          const double x = places[b][q][head][p][0] * static_cast<double>(map.width);
          const double y = places[b][q][head][p][1] * static_cast<double>(map.height);
          at::Tensor value = at::zeros({5}, at::kDouble);
          if (sampling == Sampling::discrete) {
            const auto clamped = [](double v, int64_t count) {
              return std::clamp(static_cast<int64_t>(std::trunc(v + 0.5)), int64_t{0}, count - 1);
            };
            value = pixel(b, head, first, map, clamped(y, map.height), clamped(x, map.width));
          } else {
            const double left = std::floor(x - 0.5), top = std::floor(y - 0.5);
            for (const int64_t dy : {0, 1}) {
              for (const int64_t dx : {0, 1}) {
                const double wx = 1 - std::abs(x - 0.5 - left - static_cast<double>(dx));
                const double wy = 1 - std::abs(y - 0.5 - top - static_cast<double>(dy));
                value += wx * wy *
                         pixel(b, head, first, map, static_cast<int64_t>(top) + dy,
                               static_cast<int64_t>(left) + dx);
              }
            }
          }
          result[b][q].narrow(0, head * 5, 5) += value * c.weights[b][q][head][p];
        }
      }
    }
  }
  return result;
}

TEST(DeformableAttention, IsWhatItIsDefinedAs) {
  at::manual_seed(3);
  const Case c;
  for (const Sampling sampling : {Sampling::bilinear, Sampling::discrete})
    EXPECT_LT((c.read(sampling) - by_hand(c, sampling)).abs().max().item<double>(), 1e-12);
}

TEST(DeformableAttention, GradientsAreThoseOfSmallSteps) {
  at::manual_seed(4);
  Case c;
  for (at::Tensor* t : {&c.values, &c.places, &c.weights}) t->set_requires_grad(true);
  const at::Tensor factors = at::randn({2, 6, 10}, at::kDouble);
  (c.read(Sampling::bilinear) * factors).sum().backward();
  for (at::Tensor* t : {&c.values, &c.places, &c.weights}) {
    const at::NoGradGuard no_grad;
    constexpr double kStep = 1e-6;
    at::Tensor flat = t->view(-1);
    for (const int64_t i : {0, 7, 31, 60}) {
      const double before = flat[i].item<double>();
      const auto at_step = [&](double step) {
        flat[i].fill_(before + step);
        const double value = (c.read(Sampling::bilinear) * factors).sum().item<double>();
        flat[i].fill_(before);
        return value;
      };
      const double slope = (at_step(kStep) - at_step(-kStep)) / (2 * kStep);
      EXPECT_NEAR(t->grad().view(-1)[i].item<double>(), slope, 1e-6 * (1 + std::abs(slope)));
    }
  }
}

TEST(DeformableAttention, NoGradientReachesDiscretePlaces) {
  Case c;
  for (at::Tensor* t : {&c.values, &c.places}) t->set_requires_grad(true);
  c.read(Sampling::discrete).sum().backward();
  EXPECT_TRUE(c.values.grad().defined());
  EXPECT_FALSE(c.places.grad().defined());
}

TEST(DeformableAttention, ItsCostIsWrittenDown) {
  const Case c;
  const CostMeter meter;
  c.read(Sampling::bilinear);
  ASSERT_EQ(meter.layers().size(), 1U);
  EXPECT_FALSE(meter.layers()[0].has_weight);
  EXPECT_EQ(meter.layers()[0].flops, 10.0 * (2 * 6 * 2 * 4) * 5);
}

TEST(DeformableAttention, WaysToReadAreNamed) {
  EXPECT_EQ(parse_sampling("default", "x"), Sampling::bilinear);
  EXPECT_GRAFT_ERROR(parse_sampling("cubic", "config.json: decoder_method"), ErrorCode::unreadable,
                     "decoder_method");
}

}  // namespace
}  // namespace graft::nn
