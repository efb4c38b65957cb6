#include "graft/models/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "graft/base/error.h"
#include "graft/base/json.h"
#include "tests/support/support.h"

namespace graft::models {
namespace {

/// Logits of these probabilities.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

std::map<int32_t, double> left(const std::vector<float>& logits, const Sampling& sampling) {
  std::map<int32_t, double> map;
  for (const Candidate& c : candidates(logits, sampling)) map[c.id] = c.probability;
  return map;
}

void expect_left(const std::map<int32_t, double>& found,
                 const std::map<int32_t, double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [id, p] : expected) {
    ASSERT_TRUE(found.contains(id)) << id;
    EXPECT_NEAR(found.at(id), p, 1e-6) << id;
  }
}

const std::vector<double> kFive = {0.1, 0.4, 0.05, 0.25, 0.2};

TEST(Sampler, TemperatureDividesLogits) {
  // p^(1/t): at 0.5 squares.
  const double sum = 0.01 + 0.16 + 0.0025 + 0.0625 + 0.04;
  expect_left(
      left(logits_of(kFive), {.temperature = 0.5}),
      {{0, 0.01 / sum}, {1, 0.16 / sum}, {2, 0.0025 / sum}, {3, 0.0625 / sum}, {4, 0.04 / sum}});
}

TEST(Sampler, TopK) {
  expect_left(left(logits_of(kFive), {.temperature = 1, .top_k = 2}),
              {{1, 0.4 / 0.65}, {3, 0.25 / 0.65}});
  // More than there are; none.
  EXPECT_EQ(left(logits_of(kFive), {.temperature = 1, .top_k = 9}).size(), 5U);
  EXPECT_EQ(left(logits_of(kFive), {.temperature = 1, .top_k = 0}).size(), 5U);
  // What is as likely as the k-th stays, as in transformers.
  EXPECT_EQ(left({1, 2, 2, 2, 0}, {.temperature = 1, .top_k = 2}).size(), 3U);
}

TEST(Sampler, TopP) {
  expect_left(left(logits_of(kFive), {.temperature = 1, .top_p = 0.6}),
              {{1, 0.4 / 0.65}, {3, 0.25 / 0.65}});
  expect_left(left(logits_of(kFive), {.temperature = 1, .top_p = 0.66}),
              {{1, 0.4 / 0.85}, {3, 0.25 / 0.85}, {4, 0.2 / 0.85}});
  expect_left(left(logits_of(kFive), {.temperature = 1, .top_p = 1e-9}), {{1, 1.0}});
  EXPECT_EQ(left(logits_of(kFive), {.temperature = 1, .top_p = 1}).size(), 5U);
  // The order: top-k first, so that the shares are those of what it leaves.
  expect_left(left(logits_of(kFive), {.temperature = 1, .top_k = 2, .top_p = 0.6}), {{1, 1.0}});
}

TEST(Sampler, WhatIsMaskedIsNeverChosen) {
  const float none = -std::numeric_limits<float>::infinity();
  expect_left(left({none, 0, none, 0}, {.temperature = 1}), {{1, 0.5}, {3, 0.5}});
  EXPECT_EQ(left({none, 0, none, 0}, {.temperature = 1, .top_k = 3}).size(), 2U);
}

TEST(Sampler, RepetitionPenalty) {
  std::vector<float> logits = {2, -2, 1, 0};
  penalize_repetition(logits, std::vector<int32_t>{1, 0, 0, 3, 99, -1}, 2);
  EXPECT_EQ(logits, (std::vector<float>{1, -4, 1, 0}));
}

TEST(Sampler, GreedyTakesTheLikeliestAndThePenaltyItsOwn) {
  Sampler greedy({}, 1);
  std::vector<float> logits = {1, 3, 2};
  EXPECT_EQ(greedy.next(logits), 1);
  Sampler shy({.repetition_penalty = 2}, 1);
  shy.see(1);
  logits = {1, 3, 2};
  EXPECT_EQ(shy.next(logits), 2);  // 1.5 against 2
  logits = {1, 3, 2};
  EXPECT_EQ(shy.next(logits), 1);  // 1.5 against 1: its own choice counts as well
}

TEST(Sampler, DrawsByProbabilityAndRepeatsItself) {
  const auto draw = [](uint64_t key) {
    Sampler sampler({.temperature = 1}, key);
    std::vector<int> counts(5, 0);
    for (int i = 0; i < 20000; ++i) {
      std::vector<float> logits = logits_of(kFive);
      ++counts[static_cast<size_t>(sampler.next(logits))];
    }
    return counts;
  };
  const auto counts = draw(7);
  for (size_t i = 0; i < kFive.size(); ++i) EXPECT_NEAR(counts[i] / 20000.0, kFive[i], 0.012) << i;
  EXPECT_EQ(counts, draw(7));
  EXPECT_NE(counts, draw(8));
}

TEST(Sampler, WhatHasNoMeaning) {
  EXPECT_GRAFT_ERROR(Sampler({.temperature = -1}, 0), ErrorCode::usage, "temperature");
  EXPECT_GRAFT_ERROR(Sampler({.top_p = 0}, 0), ErrorCode::usage, "top_p");
  EXPECT_GRAFT_ERROR(Sampler({.top_k = -1}, 0), ErrorCode::usage, "top_k");
  EXPECT_GRAFT_ERROR(Sampler({.repetition_penalty = 0}, 0), ErrorCode::usage, "repetition");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> broken = {nan, nan};
  EXPECT_GRAFT_ERROR(Sampler({}, 0).next(broken), ErrorCode::unreadable, "not finite");
  broken = {0, std::numeric_limits<float>::infinity()};
  EXPECT_GRAFT_ERROR(Sampler({}, 0).next(broken), ErrorCode::unreadable, "not finite");
}

/// tests/golden/generation/make_sampling.py.
TEST(Sampler, EqualsTransformers) {
  const Json golden =
      read_json(test::source_dir() / "tests" / "golden" / "generation" / "sampling.json");
  ASSERT_GT(golden["cases"].size(), 20U);
  for (const Json& c : golden["cases"]) {
    const Json& given = c["settings"];
    Sampling sampling;
    sampling.temperature = given.value("temperature", 1.0);
    sampling.top_k = given.value("top_k", int64_t{0});
    sampling.top_p = given.value("top_p", 1.0);
    sampling.repetition_penalty = given.value("repetition_penalty", 1.0);
    auto logits = c["logits"].get<std::vector<float>>();
    penalize_repetition(logits, c["ids"].get<std::vector<int32_t>>(), sampling.repetition_penalty);
    const auto scores = c["scores"].get<std::vector<float>>();
    for (size_t i = 0; i < logits.size(); ++i) ASSERT_FLOAT_EQ(logits[i], scores[i]) << given;
    const auto found = left(logits, sampling);
    const auto probabilities = c["probabilities"].get<std::vector<double>>();
    for (size_t i = 0; i < probabilities.size(); ++i) {
      const auto at = found.find(static_cast<int32_t>(i));
      ASSERT_EQ(at != found.end(), probabilities[i] > 0) << given << ", token " << i;
      if (at != found.end()) {
        ASSERT_NEAR(at->second, probabilities[i], 1e-6) << given;
      }
    }
  }
}

}  // namespace
}  // namespace graft::models
