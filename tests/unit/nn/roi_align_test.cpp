#include "graft/nn/roi_align.h"

#include <gtest/gtest.h>
#include <torch/types.h>

/// What RoIAlign must do whatever the numbers; torchvision's numbers are in
/// tests/unit/models/rcnn_parts_test.cpp.
namespace graft::nn {
namespace {

at::Tensor region(double x0, double y0, double x1, double y1) {
  return at::tensor({0.0, x0, y0, x1, y1}, at::kFloat).view({1, 5});
}

/// A map whose pixel (x, y) shows 2 x + 3 y.
at::Tensor slope(int64_t height, int64_t width) {
  const at::Tensor x = at::arange(width, at::kFloat), y = at::arange(height, at::kFloat);
  return (2 * x.view({1, -1}) + 3 * y.view({-1, 1})).view({1, 1, height, width});
}

TEST(RoiAlign, ReadsBetweenPixels) {
  // Of a slope each cell shows what is in its middle.
  const at::Tensor read = roi_align(slope(8, 10), region(1, 2, 5, 6), {.size = 2});
  const at::Tensor middles =
      at::tensor({2 * 2 + 3 * 3, 2 * 4 + 3 * 3, 2 * 2 + 3 * 5, 2 * 4 + 3 * 5});
  EXPECT_TRUE(read.flatten().allclose(middles.to(at::kFloat))) << read;
}

TEST(RoiAlign, ScaleTurnsRegionsIntoPixelsOfTheMap) {
  const at::Tensor map = at::rand({1, 3, 6, 6});
  const at::Tensor whole = roi_align(map, region(1, 0.5, 4, 3), {.size = 3});
  const at::Tensor scaled = roi_align(map, region(4, 2, 16, 12), {.scale = 0.25, .size = 3});
  EXPECT_TRUE(whole.allclose(scaled));
}

TEST(RoiAlign, SmallRegionsAreAPixelWide) {
  const at::Tensor map = slope(6, 6);
  EXPECT_TRUE(roi_align(map, region(2, 2, 2, 2.5), {.size = 2})
                  .equal(roi_align(map, region(2, 2, 3, 3), {.size = 2})));
}

TEST(RoiAlign, OutsideNothingIsRead) {
  const at::Tensor map = at::ones({1, 2, 4, 4});
  EXPECT_EQ(roi_align(map, region(20, 20, 30, 30), {}).abs().max().item<float>(), 0);
  EXPECT_EQ(roi_align(map, region(-30, -30, -20, -20), {}).abs().max().item<float>(), 0);
  // Up to a pixel beside it the border goes on.
  EXPECT_TRUE(roi_align(map, region(-0.9, -0.9, 3.9, 3.9), {}).allclose(at::ones({})));
}

TEST(RoiAlign, NoRegions) {
  const at::Tensor map = at::rand({2, 3, 4, 4}).set_requires_grad(true);
  const at::Tensor read = roi_align(map, at::empty({0, 5}), {.size = 2});
  EXPECT_EQ(read.sizes().vec(), (std::vector<int64_t>{0, 3, 2, 2}));
}

TEST(RoiAlign, EachRegionReadsItsPicture) {
  at::Tensor map = at::zeros({3, 1, 5, 5});
  map[1].fill_(1);
  map[2].fill_(2);
  at::Tensor regions = region(1, 1, 3, 3).repeat({3, 1});
  regions.select(1, 0).copy_(at::tensor({2.F, 0.F, 1.F}));
  const at::Tensor read = roi_align(map, regions, {.size = 1}).flatten();
  EXPECT_TRUE(read.equal(at::tensor({2.F, 0.F, 1.F}))) << read;
}

class RoiAlignLayouts : public testing::TestWithParam<at::MemoryFormat> {};

TEST_P(RoiAlignLayouts, GradientsAreThoseOfDifferences) {
  at::Tensor map = at::rand({2, 3, 5, 6}, at::kDouble).contiguous(GetParam());
  at::Tensor regions = at::cat({region(0.3, 0.2, 4.1, 3.7), region(2, 1, 5.9, 4.8)});
  regions[1][0] = 1;
  const RoiAlignOptions options{.size = 3};
  const at::Tensor weights = at::rand({2, 3, 3, 3}, at::kDouble);
  const auto value = [&](const at::Tensor& m) {
    return (roi_align(m, regions, options) * weights).sum();
  };
  at::Tensor leaf = map.clone().set_requires_grad(true);
  value(leaf).backward();
  // It is linear: a step of any size tells.
  const at::Tensor step = at::rand(map.sizes(), at::kDouble);
  EXPECT_NEAR((value(map + step) - value(map)).item<double>(),
              (leaf.grad() * step).sum().item<double>(), 1e-9);
  for (const int64_t i : {0, 37, 101}) {
    at::Tensor one = at::zeros({map.numel()}, at::kDouble);
    one[i] = 1;
    EXPECT_NEAR(value(map + one.view(map.sizes())).item<double>() - value(map).item<double>(),
                leaf.grad().flatten()[i].item<double>(), 1e-9);
  }
}

INSTANTIATE_TEST_SUITE_P(Both, RoiAlignLayouts,
                         testing::Values(at::MemoryFormat::Contiguous,
                                         at::MemoryFormat::ChannelsLast));

TEST(RoiAlign, InBfloat16) {
  const at::Tensor map = at::rand({1, 4, 8, 8});
  const at::Tensor narrow = map.to(at::kBFloat16).set_requires_grad(true);
  const at::Tensor read = roi_align(narrow, region(1, 1, 6, 7), {.size = 2});
  EXPECT_EQ(read.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(
      read.to(at::kFloat).allclose(roi_align(map, region(1, 1, 6, 7), {.size = 2}), 0.02, 0.02));
  read.sum().backward();
  EXPECT_TRUE(narrow.grad().isfinite().all().item<bool>());
}

}  // namespace
}  // namespace graft::nn
