#include "graft/nn/key_value_cache.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/nn/sequence_attention.h"

namespace graft::nn {
namespace {

constexpr int64_t kWidth = 6;

/// Sequences that grow in pieces, with a cache, against attention over the whole of each.
struct Growing {
  explicit Growing(const std::vector<int64_t>& lengths, const SequenceAttention& given,
                   at::ScalarType type = at::kFloat)
      : rule(given), cache(static_cast<int64_t>(lengths.size())) {
    const auto g = at::detail::createCPUGenerator(11);
    for (const int64_t n : lengths) {
      const auto rows = [&](int64_t heads) {
        return at::randn({n, heads * kWidth}, g, at::kFloat).to(type);
      };
      q.push_back(rows(rule.heads));
      k.push_back(rows(rule.kv_heads));
      v.push_back(rows(rule.kv_heads));
      done.push_back(0);
    }
  }

  at::Tensor whole(size_t i) const {
    return attend(q[i], k[i], v[i], at::tensor({q[i].size(0)}, at::kLong), rule, {});
  }

  /// The next `counts[i]` tokens of the sequences in `slots`.
  void step(const std::vector<int64_t>& slots, const std::vector<int64_t>& counts, int block = 0) {
    const at::Tensor lengths = at::tensor(counts, at::kLong);
    cache.begin(slots, lengths);
    std::vector<at::Tensor> parts[3];
    for (size_t i = 0; i < slots.size(); ++i) {
      const auto s = static_cast<size_t>(slots[i]);
      EXPECT_EQ(cache.past()[static_cast<int64_t>(i)].item<int64_t>(), done[s]);
      parts[0].push_back(q[s].narrow(0, done[s], counts[i]));
      parts[1].push_back(k[s].narrow(0, done[s], counts[i]));
      parts[2].push_back(v[s].narrow(0, done[s], counts[i]));
    }
    const CachedKeys all = cache.append(block, at::cat(parts[1]), at::cat(parts[2]), rule.left);
    const at::Tensor out =
        attend(at::cat(parts[0]), all.keys, all.values, lengths, rule, {}, all.lengths, all.rows);
    int64_t row = 0;
    for (size_t i = 0; i < slots.size(); ++i) {
      const auto s = static_cast<size_t>(slots[i]);
      const at::Tensor expected = whole(s).narrow(0, done[s], counts[i]);
      const bool exact = q[s].scalar_type() != at::kBFloat16;
      EXPECT_TRUE(at::allclose(out.narrow(0, row, counts[i]), expected, exact ? 1e-5 : 1e-2,
                               exact ? 1e-6 : 1e-2))
          << "slot " << s << " from " << done[s];
      row += counts[i];
      done[s] += counts[i];
    }
  }

  SequenceAttention rule;
  std::vector<at::Tensor> q, k, v;
  std::vector<int64_t> done;
  KeyValueCache cache;
};

SequenceAttention causal(int64_t left = SequenceAttention::kFar) {
  SequenceAttention rule;
  rule.heads = 4;
  rule.kv_heads = 2;
  rule.right = 0;
  rule.left = left;
  return rule;
}

TEST(KeyValueCache, PiecesEqualTheWhole) {
  const at::NoGradGuard no_grad;
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    for (const int64_t left : {SequenceAttention::kFar, int64_t{20}, int64_t{0}}) {
      Growing g({300, 90, 41}, causal(left), type);
      g.step({0, 1, 2}, {70, 1, 3});
      g.step({2, 0}, {1, 1});  // some of them, in another order
      g.step({1, 2, 0}, {59, 7, 1});
      for (int i = 0; i < 30; ++i) g.step({0, 1, 2}, {1, 1, 1});
      g.step({0}, {198});
    }
  }
}

TEST(KeyValueCache, ASlotBeginsAnew) {
  const at::NoGradGuard no_grad;
  Growing g({80, 80}, causal());
  g.step({0, 1}, {50, 50});
  g.cache.clear(0);
  g.done[0] = 0;
  g.step({0, 1}, {9, 9});
  g.step({0}, {1});
}

TEST(KeyValueCache, TokensAreTakenBack) {
  const at::NoGradGuard no_grad;
  for (const int64_t left : {SequenceAttention::kFar, int64_t{10}}) {
    Growing g({400, 400}, causal(left));
    g.step({0, 1}, {60, 60});
    EXPECT_TRUE(g.cache.shorten(0, 41));
    g.done[0] = 41;
    g.step({0, 1}, {9, 9});
    g.step({0}, {1});
    for (int i = 0; i < 200; ++i) g.step({1}, {1});
    // The window has forgotten the beginning.
    const bool possible = left == SequenceAttention::kFar;
    EXPECT_EQ(g.cache.shorten(1, 41), possible);
    if (possible) g.done[1] = 41;
    g.step({1, 0}, {2, 2});
  }
}

TEST(KeyValueCache, BlocksAreApart) {
  const at::NoGradGuard no_grad;
  KeyValueCache cache(1);
  const at::Tensor lengths = at::tensor({int64_t{2}});
  cache.begin({0}, lengths);
  const at::Tensor a = at::ones({2, 4});
  for (const int block : {3, 1}) {
    const CachedKeys keys = cache.append(block, a * block, a, SequenceAttention::kFar);
    EXPECT_TRUE(at::equal(keys.keys.narrow(0, 0, 2), a * block));
    EXPECT_EQ(keys.lengths.item<int64_t>(), 2);
  }
}

/// Room doubles: few allocations, none of them of more than is there times two.
TEST(KeyValueCache, RoomDoubles) {
  const at::NoGradGuard no_grad;
  KeyValueCache cache(1);
  const at::Tensor one = at::ones({1, kWidth});
  int grown = 0;
  int64_t bytes = 0;
  for (int i = 0; i < 4000; ++i) {
    cache.begin({0}, at::tensor({int64_t{1}}));
    cache.append(0, one, one, SequenceAttention::kFar);
    grown += cache.bytes() == bytes ? 0 : 1;
    bytes = cache.bytes();
  }
  EXPECT_LE(grown, 7);
  EXPECT_LE(bytes, 2 * 2 * 4160 * kWidth * 4);
}

/// A layer with a window needs no more room than four of them, however long the text is.
TEST(KeyValueCache, WindowsStaySmall) {
  const at::NoGradGuard no_grad;
  constexpr int64_t kLeft = 100;
  KeyValueCache cache(1);
  const at::Tensor one = at::ones({1, kWidth});
  for (int64_t i = 0; i < 3000; ++i) {
    cache.begin({0}, at::tensor({int64_t{1}}));
    EXPECT_EQ(cache.past().item<int64_t>(), i);
    const CachedKeys keys = cache.append(0, one * i, one, kLeft);
    const int64_t n = keys.lengths.item<int64_t>();
    ASSERT_GE(n, std::min(kLeft, i) + 1);
    ASSERT_EQ(keys.keys[n - 1][0].item<float>(), static_cast<float>(i));
    ASSERT_EQ(keys.keys[n - 1 - std::min(kLeft, i)][0].item<float>(),
              static_cast<float>(i - std::min(kLeft, i)));
  }
  EXPECT_LE(cache.bytes(), 2 * 4 * kLeft * kWidth * 4);
}

}  // namespace
}  // namespace graft::nn
