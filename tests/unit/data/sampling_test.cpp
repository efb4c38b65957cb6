#include "graft/data/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/data/quotas.h"
#include "tests/support/support.h"

namespace graft::data {
namespace {

std::vector<int> strata_of(const std::vector<int>& sizes) {
  std::vector<int> strata;
  for (size_t c = 0; c < sizes.size(); ++c)
    strata.insert(strata.end(), static_cast<size_t>(sizes[c]), static_cast<int>(c));
  return strata;
}

std::vector<int64_t> counts_of(const std::vector<int64_t>& order, const std::vector<int>& strata,
                               size_t classes) {
  std::vector<int64_t> counts(classes);
  for (const int64_t i : order) ++counts[static_cast<size_t>(strata[static_cast<size_t>(i)])];
  return counts;
}

TEST(Quotas, RoundUpOrDownWithRunningTotalsWithinOne) {
  Rng rng(1);
  for (int trial = 0; trial < 300; ++trial) {
    const auto classes = static_cast<size_t>(rng.integer(1, 12));
    std::vector<int64_t> weights;
    weights.reserve(classes);
    for (size_t c = 0; c < classes; ++c) weights.push_back(rng.integer(1, trial % 2 ? 9 : 400));
    const int64_t sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    const int64_t size = rng.integer(1, sum);
    Quotas quotas(weights, size);
    std::vector<int64_t> total(classes, 0);
    for (int64_t epoch = 1; epoch <= 60; ++epoch) {
      const auto counts = quotas.next();
      ASSERT_EQ(std::accumulate(counts.begin(), counts.end(), int64_t{0}), size);
      for (size_t c = 0; c < classes; ++c) {
        total[c] += counts[c];
        ASSERT_LT(std::abs(counts[c] * sum - size * weights[c]), sum) << "an epoch";
        ASSERT_LT(std::abs(total[c] * sum - epoch * size * weights[c]), sum) << "all epochs so far";
      }
    }
  }
}

TEST(Sampling, AFullEpochIsAPermutationThatChanges) {
  const auto strata = strata_of({5, 3});
  for (const char* policy : {"uniform", "rs2"}) {
    auto first = epoch_order(strata, {1, policy, false}, 3, 0);
    const auto second = epoch_order(strata, {1, policy, false}, 3, 1);
    EXPECT_NE(first, second);
    std::sort(first.begin(), first.end());
    EXPECT_EQ(first, (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7}));
  }
}

TEST(Sampling, IsAPureFunction) {
  const auto strata = strata_of({50, 30, 7});
  for (const char* policy : {"uniform", "rs2"}) {
    for (const bool balanced : {false, true}) {
      const auto one = epoch_order(strata, {0.3, policy, balanced}, 3, 5);
      (void)epoch_order(strata, {0.3, policy, balanced}, 3, 2);
      EXPECT_EQ(one, epoch_order(strata, {0.3, policy, balanced}, 3, 5));
      EXPECT_NE(one, epoch_order(strata, {0.3, policy, balanced}, 4, 5));
      EXPECT_NE(one, epoch_order(strata, {0.3, policy, balanced}, 3, 6));
    }
  }
}

TEST(Sampling, SizesAreRoundedUpWithoutBinaryNoise) {
  EXPECT_EQ(epoch_size(100, 0.07), 7);
  EXPECT_EQ(epoch_size(10, 0.3), 3);
  EXPECT_EQ(epoch_size(10, 0.31), 4);
  EXPECT_EQ(epoch_size(3, 0.001), 1);
  EXPECT_EQ(epoch_size(50000, 1), 50000);
  EXPECT_EQ(epoch_size(0, 0.5), 0);
}

TEST(Sampling, UniformIsOneFixedStratifiedSubset) {
  const auto strata = strata_of({50, 33, 7});
  const auto first = epoch_order(strata, {0.3, "uniform", false}, 3, 0);
  const auto later = epoch_order(strata, {0.3, "uniform", false}, 3, 9);
  EXPECT_EQ(first.size(), 27U);
  EXPECT_NE(first, later);
  EXPECT_EQ(std::set<int64_t>(first.begin(), first.end()),
            std::set<int64_t>(later.begin(), later.end()));
  const auto counts = counts_of(first, strata, 3);
  EXPECT_NEAR(static_cast<double>(counts[0]), 15, 1);
  EXPECT_NEAR(static_cast<double>(counts[1]), 9.9, 1);
  EXPECT_NEAR(static_cast<double>(counts[2]), 2.1, 1);
}

TEST(Sampling, Rs2SeesEverySampleBeforeAnyAgain) {
  for (const double rate : {0.3, 0.25, 0.5, 0.07, 0.9}) {
    const std::vector<int> sizes = {50, 33, 7, 1};
    const auto strata = strata_of(sizes);
    std::vector<int> visits(strata.size(), 0);
    std::vector<int64_t> last;
    for (int64_t epoch = 0; epoch < 40; ++epoch) {
      const auto order = epoch_order(strata, {rate, "rs2", false}, 3, epoch);
      ASSERT_EQ(static_cast<int64_t>(order.size()), epoch_size(91, rate));
      ASSERT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), order.size())
          << "twice in an epoch";
      ASSERT_NE(order, last);
      last = order;
      const auto counts = counts_of(order, strata, 4);
      for (size_t c = 0; c < 4; ++c) {
        ASSERT_LT(std::abs(static_cast<double>(counts[c]) -
                           static_cast<double>(order.size()) * sizes[c] / 91),
                  1);
      }
      for (const int64_t i : order) ++visits[static_cast<size_t>(i)];
      const auto [least, most] = std::minmax_element(visits.begin(), visits.end());
      ASSERT_LE(*most - *least, 1) << "rate " << rate << " epoch " << epoch;
    }
  }
}

TEST(Sampling, BalancedDrawsClassesEquallyOften) {
  const std::vector<int> sizes = {60, 25, 5, 0};
  const auto strata = strata_of(sizes);
  for (const char* policy : {"uniform", "rs2"}) {
    for (const double rate : {1.0, 0.5}) {
      for (int64_t epoch = 0; epoch < 5; ++epoch) {
        const auto order = epoch_order(strata, {rate, policy, true}, 3, epoch);
        ASSERT_EQ(static_cast<int64_t>(order.size()), epoch_size(90, rate));
        const auto counts = counts_of(order, strata, 3);
        for (size_t c = 0; c < 3; ++c) EXPECT_EQ(counts[c], rate == 1.0 ? 30 : 15);
        std::vector<int> visits(90);
        for (const int64_t i : order) ++visits[static_cast<size_t>(i)];
        // The small class is repeated evenly, the large one not at all.
        EXPECT_LE(*std::max_element(visits.begin(), visits.begin() + 60), 1);
        EXPECT_LE(*std::max_element(visits.begin() + 85, visits.end()),
                  rate == 1.0 || std::string(policy) == "rs2" ? 6 : 8);
      }
    }
  }
}

TEST(Sampling, WrongSettings) {
  EXPECT_GRAFT_ERROR(epoch_order({0, 1}, {0, "uniform", false}, 1, 0), ErrorCode::usage,
                     "sampling.rate");
  EXPECT_GRAFT_ERROR(epoch_order({0, 1}, {1.5, "uniform", false}, 1, 0), ErrorCode::usage,
                     "sampling.rate");
  EXPECT_GRAFT_ERROR(epoch_order({0, 1}, {1, "rs3", false}, 1, 0), ErrorCode::usage,
                     "did you mean 'rs2'");
}

TEST(SpreadOrder, EveryBeginningHoldsTheStrataInTheirShares) {
  std::vector<int> strata(60, 0);
  std::fill(strata.begin() + 30, strata.begin() + 50, 2);
  std::fill(strata.begin() + 50, strata.end(), 3);
  const auto order = spread_order(strata);
  for (size_t length = 6; length <= order.size(); ++length) {
    std::vector<int64_t> counts(4, 0);
    for (size_t i = 0; i < length; ++i)
      ++counts[static_cast<size_t>(strata[static_cast<size_t>(order[i])])];
    EXPECT_NEAR(static_cast<double>(counts[0]), static_cast<double>(length) / 2, 1.5);
    EXPECT_NEAR(static_cast<double>(counts[2]), static_cast<double>(length) / 3, 1.5);
    EXPECT_NEAR(static_cast<double>(counts[3]), static_cast<double>(length) / 6, 1.5);
  }
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], static_cast<int64_t>(i));
  EXPECT_TRUE(spread_order({}).empty());
}

}  // namespace
}  // namespace graft::data
