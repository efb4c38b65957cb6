#include "graft/data/loader.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/data/sampling.h"
#include "tests/support/support.h"
#include "tests/unit/data/make.h"

namespace graft::data {
namespace {

using test::MadeSource;

std::vector<int> some_labels(int n) {
  std::vector<int> labels;
  labels.reserve(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) labels.push_back(i % 3);
  return labels;
}

image::Preprocess small() {
  image::Preprocess preprocess;
  preprocess.resize_width = 16;
  preprocess.resize_height = 12;
  preprocess.crop = false;
  return preprocess;
}

Transform plain() {
  return {small(), {}, 7, 2};
}
Transform cutting() {
  return {small(), image::Augmentation(Json{"random_resized_crop", "horizontal_flip"}), 7, 2};
}
/// Random, but begins with the preprocessed picture.
Transform changing() {
  return {small(), image::Augmentation(Json{"horizontal_flip", "random_erasing"}), 7, 2};
}

std::vector<Batch> all_batches(Loader& loader) {
  std::vector<Batch> batches;
  while (auto batch = loader.next()) batches.push_back(std::move(*batch));
  return batches;
}

void expect_same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].number, b[i].number);
    EXPECT_EQ(a[i].indices, b[i].indices);
    EXPECT_TRUE(at::equal(a[i].pixels(), b[i].pixels())) << "batch " << i;
    EXPECT_TRUE(at::equal(a[i].labels, b[i].labels));
  }
}

class Loading : public ::testing::Test {
 protected:
  Loading() {
    for (int64_t i = 0; i < 25; ++i) order_.push_back(i * 7 % 25);
    options_.batch_size = 4;
  }
  std::vector<Batch> run(const Transform& transform, int threads,
                         std::shared_ptr<ImageCache> cache = nullptr) {
    Loader loader(view_, order_, transform, options_,
                  threads > 0 ? std::make_shared<ThreadPool>(threads) : nullptr, std::move(cache));
    return all_batches(loader);
  }
  std::shared_ptr<MadeSource> source_ = std::make_shared<MadeSource>(some_labels(25));
  View view_ = test::whole(source_);
  std::vector<int64_t> order_;
  LoaderOptions options_;
};

TEST_F(Loading, BatchesFollowTheOrder) {
  const auto batches = run(plain(), 2);
  ASSERT_EQ(batches.size(), 7U);
  EXPECT_EQ(batches.back().size(), 1);
  size_t at = 0;
  for (const Batch& batch : batches) {
    EXPECT_EQ(batch.pixels().sizes(), (at::IntArrayRef{batch.size(), 3, 12, 16}));
    EXPECT_TRUE(batch.pixels().is_contiguous(at::MemoryFormat::ChannelsLast));
    for (int64_t i = 0; i < batch.size(); ++i, ++at) {
      const int64_t position = batch.indices[static_cast<size_t>(i)];
      EXPECT_EQ(position, order_[at]);
      EXPECT_EQ(batch.labels[i].item<int64_t>(), position % 3);
      EXPECT_TRUE(at::equal(batch.pixels()[i], load_one(view_, position, small())[0]));
    }
  }
}

TEST_F(Loading, PixelsAreThoseOfThePreprocessing) {
  const at::Tensor pixels = load_one(view_, 3, small());
  const image::Image ready = small().apply(source_->load(3));
  for (const int c : {0, 1, 2}) {
    EXPECT_FLOAT_EQ(pixels[0][c][5][9].item<float>(),
                    (static_cast<float>(ready.at(9, 5)[c]) / 255.0F - 0.5F) / 0.5F);
  }
}

TEST_F(Loading, OneAndEightWorkersGiveTheSameBits) {
  for (const Transform& transform : {plain(), cutting(), changing()}) {
    const auto expected = run(transform, 0);
    expect_same(run(transform, 1), expected);
    expect_same(run(transform, 8), expected);
    options_.prefetch = 0;
    expect_same(run(transform, 8), expected);
    options_.prefetch = 2;
  }
}

TEST_F(Loading, ASampleLooksTheSameWhereverItStands) {
  const auto pixels_of = [&](const std::vector<Batch>& batches, int64_t position) {
    for (const Batch& batch : batches) {
      const auto found = std::find(batch.indices.begin(), batch.indices.end(), position);
      if (found != batch.indices.end()) return batch.pixels()[found - batch.indices.begin()];
    }
    return at::Tensor();
  };
  const auto before = run(cutting(), 1);
  std::reverse(order_.begin(), order_.end());
  options_.batch_size = 7;
  const auto after = run(cutting(), 1);
  Transform other_epoch = cutting();
  other_epoch.epoch = 3;
  Transform other_seed = cutting();
  other_seed.seed = 8;
  const auto later = run(other_epoch, 1);
  const auto elsewhere = run(other_seed, 1);
  for (int64_t i = 0; i < 25; ++i) {
    EXPECT_TRUE(at::equal(pixels_of(before, i), pixels_of(after, i)));
    EXPECT_FALSE(at::equal(pixels_of(before, i), pixels_of(later, i)));
    EXPECT_FALSE(at::equal(pixels_of(before, i), pixels_of(elsewhere, i)));
  }
}

TEST_F(Loading, RepeatedVisitsOfOneEpochDiffer) {
  order_ = {4, 4, 5, 4};
  const auto batches = run(cutting(), 1);
  EXPECT_FALSE(at::equal(batches[0].pixels()[0], batches[0].pixels()[1]));
  EXPECT_FALSE(at::equal(batches[0].pixels()[1], batches[0].pixels()[3]));
  order_ = {5, 4};
  EXPECT_TRUE(at::equal(run(cutting(), 1)[0].pixels()[1], batches[0].pixels()[0]));
}

TEST_F(Loading, BeginsAtAnyBatch) {
  const auto all = run(cutting(), 2);
  options_.first_batch = 3;
  expect_same(run(cutting(), 2), {all.begin() + 3, all.end()});
  options_.first_batch = 7;
  EXPECT_TRUE(run(cutting(), 2).empty());
}

TEST_F(Loading, RepeatedSamplesKeepTheirVisitsWhenResumed) {
  order_ = {4, 4, 5, 4, 4, 5, 6, 4};
  const auto all = run(cutting(), 2);
  options_.first_batch = 1;
  expect_same(run(cutting(), 2), {all.begin() + 1, all.end()});
}

TEST_F(Loading, DropLastLeavesOutTheRest) {
  options_.drop_last = true;
  const auto batches = run(plain(), 1);
  EXPECT_EQ(batches.size(), 6U);
  EXPECT_EQ(batches.back().size(), 4);
}

TEST_F(Loading, TheCacheChangesNothingButTheWork) {
  for (const Transform& transform : {plain(), cutting(), changing()}) {
    const auto expected = run(transform, 2);
    const auto cache = std::make_shared<ImageCache>(source_, 1 << 20);
    source_->loads = 0;
    expect_same(run(transform, 2, cache), expected);
    EXPECT_EQ(source_->loads, 25);
    expect_same(run(transform, 8, cache), expected);
    EXPECT_EQ(source_->loads, 25) << "a hit must not decode";
    EXPECT_EQ(cache->statistics().hits, 25);
    EXPECT_EQ(cache->statistics().misses, 25);
    EXPECT_EQ(cache->statistics().entries, 25);
  }
}

TEST_F(Loading, OneCacheServesSeveralTransforms) {
  const auto cache = std::make_shared<ImageCache>(source_, 1 << 20);
  Transform larger = plain();
  larger.preprocess.resize_width = 20;
  for (int round = 0; round < 2; ++round) {
    for (const Transform& transform : {plain(), larger, cutting()})
      expect_same(run(transform, 2, cache), run(transform, 2));
  }
  EXPECT_EQ(cache->statistics().entries, 75);
}

TEST_F(Loading, AFullCacheStaysWithinItsBound) {
  const auto expected = run(plain(), 2);
  const auto cache = std::make_shared<ImageCache>(source_, 10 * (16 * 12 * 3 + 192));
  expect_same(run(plain(), 2, cache), expected);
  expect_same(run(plain(), 2, cache), expected);
  const auto statistics = cache->statistics();
  EXPECT_EQ(statistics.entries, 10);
  EXPECT_LE(statistics.bytes, cache->max_bytes());
  EXPECT_EQ(statistics.hits, 10);
  EXPECT_GT(statistics.refused, 0);
}

TEST_F(Loading, SeveralLabelsBecomeTargets) {
  options_.classes = 3;
  for (const Batch& batch : run(plain(), 1)) {
    EXPECT_FALSE(batch.labels.defined());
    ASSERT_EQ(batch.targets.sizes(), (at::IntArrayRef{batch.size(), 3}));
    for (int64_t i = 0; i < batch.size(); ++i) {
      EXPECT_EQ(batch.targets[i].argmax().item<int64_t>(),
                batch.indices[static_cast<size_t>(i)] % 3);
      EXPECT_EQ(batch.targets[i].sum().item<float>(), 1);
    }
  }
}

TEST(BadSamples, AreLeftOutAndNamedInOrder) {
  const auto source =
      std::make_shared<MadeSource>(some_labels(300), std::vector<int64_t>{10, 11, 150});
  std::vector<int64_t> order(300);
  for (int64_t i = 0; i < 300; ++i) order[static_cast<size_t>(i)] = i;
  std::vector<std::string> named;
  LoaderOptions options;
  options.batch_size = 2;
  options.on_bad = [&](const BadSample& bad) { named.push_back(bad.id + ": " + bad.reason); };
  for (const int threads : {0, 4}) {
    named.clear();
    Loader loader(test::whole(source), order, plain(), options,
                  threads ? std::make_shared<ThreadPool>(threads) : nullptr);
    const auto batches = all_batches(loader);
    ASSERT_EQ(batches.size(), 149U);  // one batch has nothing left
    EXPECT_EQ(batches[5].number, 6);
    EXPECT_EQ(batches[74].indices, std::vector<int64_t>{151});
    EXPECT_TRUE(at::equal(batches[74].pixels(), load_one(test::whole(source), 151, small())));
    EXPECT_TRUE(batches[74].pixels().is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_EQ(named,
              (std::vector<std::string>{"made/10: made/10 is broken", "made/11: made/11 is broken",
                                        "made/150: made/150 is broken"}));
    EXPECT_EQ(loader.bad_samples(), 3);
  }
}

TEST(BadSamples, TooManyEndTheRun) {
  const auto run = [](int n, const std::vector<int64_t>& broken) {
    std::vector<int64_t> order;
    order.reserve(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) order.push_back(i);
    Loader loader(test::whole(std::make_shared<MadeSource>(some_labels(n), broken)), order, plain(),
                  {}, std::make_shared<ThreadPool>(3));
    return all_batches(loader).size();
  };
  EXPECT_EQ(run(40, {3}), 2U);  // a single one is always tolerated
  EXPECT_GRAFT_ERROR(run(40, {3, 39}), ErrorCode::unreadable,
                     "2 of an epoch's 40 pictures cannot be read");
  EXPECT_EQ(run(200, {3, 9}), 7U);
  EXPECT_GRAFT_ERROR(run(200, {3, 9, 40}), ErrorCode::unreadable, "1 %");
}

TEST(LoaderEnds, EarlyWithoutWaitingForTheRest) {
  const auto source = std::make_shared<MadeSource>(some_labels(400));
  std::vector<int64_t> order;
  order.reserve(400);
  for (int64_t i = 0; i < 400; ++i) order.push_back(i);
  LoaderOptions options;
  options.batch_size = 100;
  options.prefetch = 3;
  {
    Loader loader(test::whole(source), order, plain(), options, std::make_shared<ThreadPool>(1));
    EXPECT_TRUE(loader.next().has_value());
  }
  EXPECT_LT(source->loads, 400);
}

TEST(LoaderSize, MustBeFixed) {
  Transform transform = plain();
  transform.preprocess.resize = image::Preprocess::Resize::shortest_edge;
  transform.preprocess.shortest_edge = 16;
  const View view = test::whole(std::make_shared<MadeSource>(some_labels(3)));
  EXPECT_GRAFT_ERROR(Loader(view, {0}, transform, {}), ErrorCode::usage, "different sizes");
  EXPECT_EQ(load_one(view, 0, transform.preprocess).size(3), 16);
}

}  // namespace
}  // namespace graft::data
