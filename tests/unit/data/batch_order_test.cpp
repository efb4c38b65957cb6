#include "graft/data/batch_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graft/base/rng.h"

namespace graft::data {
namespace {

/// Lengths of texts: most are short, some long.
std::vector<int64_t> some_lengths(int64_t n) {
  Rng rng{7};
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < n; ++i)
    lengths.push_back(1 + static_cast<int64_t>(std::exp(5.5 * rng.uniform())));
  return lengths;
}

std::vector<int64_t> shuffled(int64_t n) {
  return Rng{3}.permutation(n);
}

TEST(BatchOrder, OfSamplesAreTheOrderInPieces) {
  const BatchOrder batches = batches_of_samples({4, 2, 0, 1, 3}, 2);
  EXPECT_EQ(batches.order, (std::vector<int64_t>{4, 2, 0, 1, 3}));
  EXPECT_EQ(batches.ends, (std::vector<int64_t>{2, 4, 5}));
  EXPECT_EQ(batches.begin(0), 0);
  EXPECT_EQ(batches.begin(2), 4);
  EXPECT_EQ(batches_of_samples({1, 0}, 2).batches(), 1);
  EXPECT_EQ(batches_of_samples({}, 2).batches(), 0);
}

TEST(BatchOrder, OfTokensHoldEverySampleOnceAndNoMoreThanTheirTokens) {
  constexpr int64_t kTokens = 256;
  const auto lengths = some_lengths(5000);
  const BatchOrder batches = batches_of_tokens(shuffled(5000), lengths, kTokens, 1, 0);
  std::vector<int64_t> seen = batches.order;
  std::sort(seen.begin(), seen.end());
  std::vector<int64_t> all(5000);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(seen, all);
  EXPECT_EQ(batches.ends.back(), 5000);
  int64_t padded = 0;
  int64_t real = 0;
  for (int64_t b = 0; b < batches.batches(); ++b) {
    ASSERT_LT(batches.begin(b), batches.end(b));
    int64_t sum = 0;
    int64_t longest = 0;
    for (int64_t i = batches.begin(b); i < batches.end(b); ++i) {
      const int64_t length = lengths[static_cast<size_t>(batches.order[static_cast<size_t>(i)])];
      sum += length;
      longest = std::max(longest, length);
    }
    EXPECT_TRUE(sum <= kTokens || batches.end(b) - batches.begin(b) == 1) << sum;
    padded += longest * (batches.end(b) - batches.begin(b));
    real += sum;
  }
  EXPECT_LT(padded, 1.1 * static_cast<double>(real)) << "texts of a batch are of similar length";
  EXPECT_LT(batches.batches(), 1.5 * static_cast<double>(real) / kTokens) << "they are filled";
}

TEST(BatchOrder, OfTokensDependsOnSeedAndEpochOnly) {
  const auto lengths = some_lengths(600);
  const auto order = [&](uint64_t seed, int64_t epoch) {
    return batches_of_tokens(shuffled(600), lengths, 100, seed, epoch).order;
  };
  EXPECT_EQ(order(1, 0), order(1, 0));
  EXPECT_NE(order(1, 0), order(1, 1));
  EXPECT_NE(order(1, 0), order(2, 0));
  // Short texts do not come first.
  const auto first = order(1, 0);
  const auto mean = [&](size_t begin, size_t end) {
    double sum = 0;
    for (size_t i = begin; i < end; ++i)
      sum += static_cast<double>(lengths[static_cast<size_t>(first[i])]);
    return sum / static_cast<double>(end - begin);
  };
  EXPECT_LT(mean(0, 300), 2 * mean(300, 600));
  EXPECT_LT(mean(300, 600), 2 * mean(0, 300));
}

}  // namespace
}  // namespace graft::data
