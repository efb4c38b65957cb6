#include "graft/data/share_prefixes.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "graft/base/rng.h"

namespace graft::data {
namespace {

using Numbers = std::vector<int64_t>;

struct Text {
  Numbers ids;
  int64_t learned;  // the first token that learns what follows
};

nn::Flow flow_of(const std::vector<Text>& texts) {
  Numbers ids, lengths, targets;
  for (const Text& text : texts) {
    const auto size = static_cast<int64_t>(text.ids.size());
    lengths.push_back(size);
    for (int64_t i = 0; i < size; ++i) {
      ids.push_back(text.ids[static_cast<size_t>(i)]);
      const bool learns = i >= text.learned && i + 1 < size;
      targets.push_back(learns ? text.ids[static_cast<size_t>(i) + 1] : -1);
    }
  }
  nn::Flow flow("ids", at::tensor(ids, at::kLong));
  flow["lengths"] = at::tensor(lengths, at::kLong);
  flow["targets"] = at::tensor(targets, at::kLong);
  return flow;
}

Numbers numbers(const at::Tensor& t) {
  const auto* first = t.const_data_ptr<int64_t>();
  return {first, first + t.numel()};
}

/// `count` numbers from `first` on.
Numbers from(int64_t first, int64_t count) {
  Numbers all(static_cast<size_t>(count));
  std::iota(all.begin(), all.end(), first);
  return all;
}

Numbers joined(std::initializer_list<Numbers> parts) {
  Numbers all;
  for (const Numbers& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// Every piece sees its text from the beginning, and what is learned is there once, as it was.
void expect_same_texts(const nn::Flow& whole, const nn::Flow& shared) {
  const Numbers ids = numbers(whole.at("ids")), targets = numbers(whole.at("targets"));
  const Numbers lengths = numbers(whole.at("lengths"));
  const Numbers pieces = numbers(shared.at("lengths")), before = numbers(shared.at("before"));
  const Numbers rows = numbers(shared.at("seen")), ends = numbers(shared.at("ends"));
  const Numbers kept = numbers(shared.at("ids")), kept_targets = numbers(shared.at("targets"));
  ASSERT_EQ(ends.size(), lengths.size());
  size_t at = 0;   // in `rows`
  size_t row = 0;  // the next piece's own
  size_t text = 0, text_begin = 0, learned = 0;
  for (size_t p = 0; p < pieces.size(); ++p) {
    const auto own = static_cast<size_t>(pieces[p]);
    const size_t all = static_cast<size_t>(before[p]) + own;
    for (size_t i = 0; i < own; ++i)
      ASSERT_EQ(rows[at + all - own + i], static_cast<int64_t>(row + i)) << "its own come last";
    if (std::ranges::find(ends, static_cast<int64_t>(p)) != ends.end()) {
      ASSERT_EQ(ends[text], static_cast<int64_t>(p));
      ASSERT_EQ(static_cast<int64_t>(all), lengths[text]);
      for (size_t i = 0; i < all; ++i) {
        const auto here = static_cast<size_t>(rows[at + i]);
        ASSERT_EQ(kept[here], ids[text_begin + i]) << text << ", " << i;
        ASSERT_EQ(kept_targets[here], targets[text_begin + i]) << text << ", " << i;
      }
      for (size_t i = row; i < row + own; ++i) learned += kept_targets[i] >= 0 ? 1 : 0;
      text_begin += all;
      ++text;
    } else {
      for (size_t i = row; i < row + own; ++i) ASSERT_EQ(kept_targets[i], -1);
    }
    at += all;
    row += own;
  }
  EXPECT_EQ(at, rows.size());
  EXPECT_EQ(row, kept.size());
  EXPECT_EQ(static_cast<int64_t>(learned),
            std::ranges::count_if(targets, [](int64_t t) { return t >= 0; }));
}

TEST(SharePrefixes, WhatAllBeginWithAndWhatSomeGoOnWith) {
  // 20 tokens in all three, 16 more in the first and the last, which end in tokens of their own.
  const Numbers all = from(0, 20), some = from(100, 16);
  const nn::Flow whole = flow_of({{joined({all, some, from(200, 5)}), 36},
                                  {joined({all, from(300, 7)}), 21},
                                  {joined({all, some, from(400, 3)}), 37}});
  const nn::Flow shared = share_prefixes(whole);
  EXPECT_EQ(numbers(shared.at("lengths")), (Numbers{20, 16, 5, 7, 3}));
  EXPECT_EQ(numbers(shared.at("before")), (Numbers{0, 20, 36, 20, 36}));
  EXPECT_EQ(numbers(shared.at("ends")), (Numbers{2, 3, 4}));
  EXPECT_EQ(numbers(shared.at("ids")),
            joined({all, some, from(200, 5), from(300, 7), from(400, 3)}));
  expect_same_texts(whole, shared);
}

TEST(SharePrefixes, NothingThatLearnsIsShared) {
  // Equal texts: each token that learns has its own row.
  const Numbers same = from(0, 40);
  const nn::Flow whole = flow_of({{same, 30}, {same, 30}, {same, 25}});
  const nn::Flow shared = share_prefixes(whole);
  EXPECT_EQ(numbers(shared.at("lengths")), (Numbers{25, 15, 15, 15}));
  expect_same_texts(whole, shared);
  // The last token is a text's own even where it learns nothing.
  const nn::Flow nothing = flow_of({{same, 40}, {same, 40}});
  EXPECT_EQ(numbers(share_prefixes(nothing).at("lengths")), (Numbers{39, 1, 1}));
}

TEST(SharePrefixes, BatchesWithLittleInCommonStayAsTheyAre) {
  const auto same = [](const std::vector<Text>& texts) {
    const nn::Flow whole = flow_of(texts);
    const nn::Flow shared = share_prefixes(whole);
    return !shared.has("seen") && shared.at("ids").is_same(whole.at("ids"));
  };
  EXPECT_TRUE(same({{from(0, 50), 40}}));                         // alone
  EXPECT_TRUE(same({{from(0, 50), 40}, {from(1, 50), 40}}));      // different
  EXPECT_TRUE(same({{from(0, 50), 0}, {from(0, 50), 0}}));        // learned at once
  EXPECT_TRUE(same({{from(0, 50), 15}, {from(0, 50), 15}}));      // too short a beginning
  EXPECT_TRUE(same({{from(0, 2000), 20}, {from(0, 2000), 20}}));  // too few of all
  EXPECT_TRUE(same({{{7}, 1}, {{7}, 1}, {{}, 0}}));               // hardly texts
  EXPECT_FALSE(same({{from(0, 50), 16}, {from(0, 50), 16}}));
}

TEST(SharePrefixes, AnyTextsStayWhatTheyAre) {
  int shared_batches = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng{seed};
    std::vector<Text> texts;
    const int64_t count = rng.integer(2, 12);
    for (int64_t i = 0; i < count; ++i) {
      Text text;
      if (i > 0 && rng.integer(0, 3) > 0) {  // as an earlier one, up to somewhere
        const Text& other = texts[static_cast<size_t>(rng.integer(0, i - 1))];
        const int64_t kept = rng.integer(0, static_cast<int64_t>(other.ids.size()));
        text.ids.assign(other.ids.begin(), other.ids.begin() + kept);
      }
      const int64_t more = rng.integer(1, 40);
      for (int64_t k = 0; k < more; ++k) text.ids.push_back(rng.integer(0, 2));
      text.learned = rng.integer(0, static_cast<int64_t>(text.ids.size()));
      texts.push_back(std::move(text));
    }
    const nn::Flow whole = flow_of(texts);
    const nn::Flow shared = share_prefixes(whole);
    if (!shared.has("seen")) continue;
    ++shared_batches;
    expect_same_texts(whole, shared);
    ASSERT_LT(shared.at("ids").size(0), whole.at("ids").size(0));
    if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(shared_batches, 100);
}

}  // namespace
}  // namespace graft::data
