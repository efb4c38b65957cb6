#include "graft/data/mix.h"

#include <ATen/ATen.h>

#include "tests/support/support.h"

namespace graft::data {
namespace {

Batch batch_of(int64_t n) {
  Batch batch;
  for (int64_t i = 0; i < n; ++i) batch.indices.push_back(i);
  batch.inputs["pixels"] =
      at::arange(n * 3 * 10 * 8, at::kFloat).view({n, 10, 8, 3}).permute({0, 3, 1, 2});
  batch.labels = at::arange(n, at::kLong).remainder(4);
  return batch;
}

TEST(Mix, OffGivesHardTargetsOfTheSamePixels) {
  const Batch batch = batch_of(5);
  const Mixed mixed = mix(batch, 4, {}, Rng(1));
  EXPECT_EQ(mixed.kind, MixKind::none);
  EXPECT_TRUE(mixed.pixels.is_same(batch.pixels()));
  EXPECT_TRUE(at::equal(mixed.targets.argmax(1), batch.labels));
  EXPECT_EQ(mixed.targets.sum().item<float>(), 5);
}

TEST(Mix, MixupBlendsEachSampleWithTheOneBefore) {
  const Batch batch = batch_of(5);
  const at::Tensor before = batch.pixels().clone();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Mixed mixed = mix(batch, 4, {0.4, 0, 0.5}, Rng(seed));
    ASSERT_EQ(mixed.kind, MixKind::mixup);
    EXPECT_GE(mixed.share, 0);
    EXPECT_LE(mixed.share, 1);
    EXPECT_TRUE(mixed.pixels.is_contiguous(at::MemoryFormat::ChannelsLast));
    const at::Tensor expected =
        batch.pixels() * mixed.share + batch.pixels().roll(1, 0) * (1 - mixed.share);
    EXPECT_TRUE(at::allclose(mixed.pixels, expected, 1e-5, 1e-3));
    EXPECT_NEAR(mixed.targets[2][2].item<double>(), mixed.share, 1e-6);
    EXPECT_NEAR(mixed.targets[2][1].item<double>(), 1 - mixed.share, 1e-6);
    EXPECT_NEAR(mixed.targets[0][0].item<double>(), 1, 1e-6);  // sample 4 has class 0 too
    EXPECT_TRUE(at::allclose(mixed.targets.sum(1), at::ones({5})));
  }
  EXPECT_TRUE(at::equal(batch.pixels(), before));
}

TEST(Mix, RowsOfTextsBlendWithTheOneBefore) {
  const at::Tensor classes = at::tensor({2, 0, 1, 0}, at::kLong);
  const RowMix mixed = mix_rows(classes, 3, 0.4, Rng(5));
  EXPECT_GT(mixed.share, 0);
  EXPECT_LT(mixed.share, 1);
  EXPECT_EQ(mix_rows(classes, 3, 0.4, Rng(5)).share, mixed.share);
  EXPECT_NE(mix_rows(classes, 3, 0.4, Rng(6)).share, mixed.share);
  EXPECT_NEAR(mixed.targets[0][2].item<double>(), mixed.share, 1e-6);
  EXPECT_NEAR(mixed.targets[0][0].item<double>(), 1 - mixed.share, 1e-6);
  // Several labels, or shares, are mixed as they are.
  const at::Tensor hot = at::tensor({1.0F, 1.0F, 0.0F, 0.0F, 0.0F, 1.0F}).view({2, 3});
  const RowMix several = mix_rows(hot, 3, 0.4, Rng(5));
  EXPECT_TRUE(
      at::allclose(several.targets, hot * several.share + hot.flip(0) * (1 - several.share)));

  const at::Tensor rows = at::rand({4, 7}).set_requires_grad(true);
  const at::Tensor blended = mixed_rows(rows, 0.75);
  EXPECT_TRUE(at::allclose(blended, rows * 0.75 + rows.roll(1, 0) * 0.25));
  (blended * at::arange(4).to(at::kFloat).unsqueeze(1)).sum().backward();
  const at::Tensor expected = at::tensor(
      {0 * 0.75F + 1 * 0.25F, 1 * 0.75F + 2 * 0.25F, 2 * 0.75F + 3 * 0.25F, 3 * 0.75F + 0 * 0.25F});
  EXPECT_TRUE(at::allclose(rows.grad(), expected.unsqueeze(1).expand({4, 7})));
}

TEST(Mix, CutmixPastesABoxWhoseAreaIsThePartnersShare) {
  const Batch batch = batch_of(4);
  const at::Tensor before = batch.pixels().clone();
  int pasted = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const Mixed mixed = mix(batch, 4, {0, 1.0, 0.5}, Rng(seed));
    ASSERT_EQ(mixed.kind, MixKind::cutmix);
    EXPECT_TRUE(mixed.pixels.is_contiguous(at::MemoryFormat::ChannelsLast));
    const at::Tensor partner = batch.pixels().roll(1, 0);
    const at::Tensor foreign = mixed.pixels.eq(partner);
    EXPECT_TRUE(at::equal(mixed.pixels, at::where(foreign, partner, batch.pixels())));
    const double area = foreign[1][0].to(at::kFloat).mean().item<double>();
    EXPECT_NEAR(1 - mixed.share, area, 1e-6);
    EXPECT_NEAR(mixed.targets[1][0].item<double>(), area, 1e-6);
    // A box: its rows and columns are runs, so that the area is their product.
    const at::Tensor rows = foreign[1][0].any(1);
    const at::Tensor columns = foreign[1][0].any(0);
    EXPECT_EQ(rows.sum().item<int64_t>() * columns.sum().item<int64_t>(),
              foreign[1][0].sum().item<int64_t>());
    pasted += area > 0;
  }
  EXPECT_GT(pasted, 20);
  EXPECT_TRUE(at::equal(batch.pixels(), before));
}

TEST(Mix, DependsOnTheKeyOnlyAndSwitches) {
  const Batch batch = batch_of(4);
  int cut = 0;
  for (uint64_t step = 0; step < 200; ++step) {
    const Mixed one = mix(batch, 4, {0.2, 1.0, 0.25}, Rng{1, 2, step});
    const Mixed two = mix(batch, 4, {0.2, 1.0, 0.25}, Rng{1, 2, step});
    EXPECT_TRUE(at::equal(one.pixels, two.pixels));
    cut += one.kind == MixKind::cutmix;
  }
  EXPECT_NEAR(cut, 50, 20);
}

TEST(Mix, KeepsTheLabelsOfMultiLabelData) {
  Batch batch = batch_of(2);
  batch.labels = at::Tensor();
  batch.targets = at::tensor({1.0F, 1.0F, 0.0F, 0.0F, 0.0F, 1.0F}).view({2, 3});
  const Mixed mixed = mix(batch, 3, {1.0, 0, 0.5}, Rng(3));
  EXPECT_NEAR(mixed.targets[0][0].item<double>(), mixed.share, 1e-6);
  EXPECT_NEAR(mixed.targets[0][2].item<double>(), 1 - mixed.share, 1e-6);
  EXPECT_NEAR(mixed.targets[1][0].item<double>(), 1 - mixed.share, 1e-6);
}

}  // namespace
}  // namespace graft::data
