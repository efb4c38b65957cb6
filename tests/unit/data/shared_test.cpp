#include "graft/base/clock.h"
#include "graft/data/check.h"
#include "tests/support/support.h"

namespace graft::data {
namespace {

using graft::test::shared_dir;

TEST(SharedData, Cifar10TarOpensInSeconds) {
  GRAFT_NEEDS_SHARED("data/cifar10-jpg/train.tar.gz");
  const Stopwatch watch;
  const Dataset set = open_dataset((shared_dir() / "data/cifar10-jpg").string(), 1);
  EXPECT_LT(watch.seconds(), 60) << "a few seconds on an idle machine";
  EXPECT_EQ(set.classes, (std::vector<std::string>{"airplane", "automobile", "bird", "cat", "deer",
                                                   "dog", "frog", "horse", "ship", "truck"}));
  EXPECT_EQ(set.train.size() + set.validation.size(), 50'000);
  EXPECT_EQ(set.validation.size(), 7'500);
  EXPECT_EQ(set.test.size(), 10'000);
  for (const int64_t count : set.train.class_counts(10)) EXPECT_EQ(count, 4'250);
  for (const int64_t count : set.test.class_counts(10)) EXPECT_EQ(count, 1'000);
  EXPECT_EQ(set.test.sample(0).id, "test/airplane/0000.jpg");
  EXPECT_EQ(set.train.load(42'499).width, 32);
}

TEST(SharedData, FashionMnistHasItsCountsAndFirstLabels) {
  GRAFT_NEEDS_SHARED("data/fashion-mnist");
  const Dataset set = open_dataset(Json{{"path", (shared_dir() / "data/fashion-mnist").string()},
                                        {"split", {{"validation", 0}}}},
                                   1);
  EXPECT_EQ(set.train.size(), 60'000);
  EXPECT_EQ(set.test.size(), 10'000);
  const std::vector<int> train = {9, 0, 0, 3, 0, 2, 7, 2, 5, 5};
  const std::vector<int> test = {9, 2, 1, 1, 6, 1, 4, 6, 5, 7};
  for (int64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(set.train.label(i), train[static_cast<size_t>(i)]);
    EXPECT_EQ(set.test.label(i), test[static_cast<size_t>(i)]);
  }
  double sum = 0;
  for (int64_t i = 0; i < set.train.size(); ++i) {
    const image::Image picture = set.train.load(i);
    for (size_t k = 0; k < picture.pixels.size(); k += 3) sum += picture.pixels[k];
  }
  EXPECT_NEAR(sum / 60'000 / 784 / 255, 0.2860, 5e-5);
}

TEST(SharedData, ClothingSmallHasItsSplits) {
  GRAFT_NEEDS_SHARED("data/clothing-small");
  const Dataset set = open_dataset((shared_dir() / "data/clothing-small").string(), 1);
  EXPECT_EQ(set.classes.size(), 10U);
  EXPECT_EQ(set.train.size(), 400);
  EXPECT_EQ(set.validation.size(), 80);
  EXPECT_EQ(set.test.size(), 120);
  const CheckReport report = check(set, 2);
  EXPECT_TRUE(report.unreadable.empty()) << report.text();
  EXPECT_DOUBLE_EQ(report.imbalance, 1);
}

}  // namespace
}  // namespace graft::data
