#include "graft/nn/sequence_attention.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

namespace graft::nn {
namespace {

struct Inputs {
  at::Tensor q, k, v, lengths, key_lengths;
};

Inputs inputs(const SequenceAttention& rule, const std::vector<int64_t>& queries,
              const std::vector<int64_t>& keys) {
  const auto g = at::detail::createCPUGenerator(7);
  constexpr int64_t kWidth = 8;
  Inputs in;
  in.lengths = at::tensor(queries, at::kLong);
  if (queries != keys) in.key_lengths = at::tensor(keys, at::kLong);
  const auto rows = [](const std::vector<int64_t>& n) {
    return at::tensor(n).sum().item<int64_t>();
  };
  in.q = at::randn({rows(queries), rule.heads * kWidth}, g, at::kFloat).set_requires_grad(true);
  in.k = at::randn({rows(keys), rule.kv_heads * kWidth}, g, at::kFloat).set_requires_grad(true);
  in.v = at::randn({rows(keys), rule.kv_heads * kWidth}, g, at::kFloat).set_requires_grad(true);
  return in;
}

Inputs in_double(const Inputs& in) {
  const auto copy = [](const at::Tensor& t) {
    return t.detach().to(at::kDouble).set_requires_grad(true);
  };
  return {copy(in.q), copy(in.k), copy(in.v), in.lengths, in.key_lengths};
}

at::Tensor run(const Inputs& in, const SequenceAttention& rule, const Context& context = {}) {
  return attend(in.q, in.k, in.v, in.lengths, rule, context, in.key_lengths);
}

/// The loops in float32 against LibTorch's operators in double precision, gradients included.
void expect_equal(const SequenceAttention& rule, const std::vector<int64_t>& queries,
                  const std::vector<int64_t>& keys) {
  const Inputs a = inputs(rule, queries, keys);
  const Inputs b = in_double(a);
  const at::Tensor x = run(a, rule);
  const at::Tensor y = run(b, rule);
  EXPECT_TRUE(at::allclose(x.to(at::kDouble), y, 1e-4, 1e-5));
  const at::Tensor g = at::randn(x.sizes(), at::detail::createCPUGenerator(8), at::kFloat);
  x.backward(g);
  y.backward(g.to(at::kDouble));
  for (const auto& [mine, theirs] : {std::pair{a.q, b.q}, {a.k, b.k}, {a.v, b.v}})
    EXPECT_TRUE(at::allclose(mine.grad().to(at::kDouble), theirs.grad(), 1e-3, 1e-5));
}

TEST(SequenceAttention, LoopsEqualTheOperators) {
  SequenceAttention rule;
  rule.heads = rule.kv_heads = 3;
  const std::vector<int64_t> lengths = {5, 1, 150, 64, 65};  // one tile, several, and a rest
  expect_equal(rule, lengths, lengths);
  rule.right = 0;
  expect_equal(rule, lengths, lengths);
  rule.left = 9;
  expect_equal(rule, lengths, lengths);
  rule.right = 4;
  expect_equal(rule, lengths, lengths);
  rule = {};
  rule.heads = 6;
  rule.kv_heads = 2;
  rule.right = 0;
  rule.soft_cap = 1.5;
  rule.scale = 0.7;
  expect_equal(rule, lengths, lengths);
}

TEST(SequenceAttention, FewerQueriesThanKeysAreTheLastOfThem) {
  SequenceAttention rule;
  rule.heads = 4;
  rule.kv_heads = 2;
  rule.right = 0;
  expect_equal(rule, {1, 1, 3}, {5, 1, 70});
  const Inputs all = inputs(rule, {9}, {9});
  const Inputs last{all.q.narrow(0, 7, 2), all.k, all.v, at::tensor({int64_t{2}}),
                    at::tensor({int64_t{9}})};
  EXPECT_TRUE(at::allclose(run(last, rule), run(all, rule).narrow(0, 7, 2), 1e-6, 1e-7));
}

TEST(SequenceAttention, WhatLiesBesideATextChangesNothing) {
  SequenceAttention rule;
  rule.heads = rule.kv_heads = 2;
  const Inputs both = inputs(rule, {20, 33}, {20, 33});
  const Inputs alone{both.q.narrow(0, 20, 33),
                     both.k.narrow(0, 20, 33),
                     both.v.narrow(0, 20, 33),
                     at::tensor({int64_t{33}}),
                     {}};
  EXPECT_TRUE(at::equal(run(alone, rule), run(both, rule).narrow(0, 20, 33)));
}

/// In bfloat16, on processors that multiply it by tiles of their own (nn/attention_pairs.h).
TEST(SequenceAttention, LoopsInBfloat16EqualTheOperators) {
  const auto rounded = [](const Inputs& in) {
    const auto copy = [](const at::Tensor& t) {
      return t.detach().to(at::kBFloat16).set_requires_grad(true);
    };
    return Inputs{copy(in.q), copy(in.k), copy(in.v), in.lengths, in.key_lengths};
  };
  const auto far = [](const at::Tensor& mine, const at::Tensor& theirs) {
    return ((mine.to(at::kDouble) - theirs).norm() / theirs.norm()).item<double>();
  };
  // One tile, several, and a rest; odd numbers of keys; too few queries for tiles.
  const std::vector<int64_t> lengths = {5, 1, 150, 64, 65, 8, 9};
  SequenceAttention far_apart, near, capped;
  far_apart.heads = 6;
  far_apart.kv_heads = 2;
  far_apart.right = 0;
  near = far_apart;
  near.left = 9;  // a tile's keys begin at odd numbers as well
  near.right = 4;
  capped = far_apart;
  capped.soft_cap = 1.5;
  for (const SequenceAttention& rule : {far_apart, near, capped}) {
    for (const auto& keys : {lengths, std::vector<int64_t>{6, 3, 151, 90, 100, 80, 9}}) {
      if (keys != lengths && rule.right != 0) continue;
      const Inputs a = rounded(inputs(rule, lengths, keys));
      const Inputs b = in_double(a);
      const at::Tensor x = run(a, rule);
      const at::Tensor y = run(b, rule);
      EXPECT_LT(far(x, y), 4e-3);
      const at::Tensor g =
          at::randn(x.sizes(), at::detail::createCPUGenerator(8), at::kFloat).to(at::kBFloat16);
      x.backward(g);
      y.backward(g.to(at::kDouble));
      for (const auto& [mine, theirs] : {std::pair{a.q, b.q}, {a.k, b.k}, {a.v, b.v}})
        EXPECT_LT(far(mine.grad(), theirs.grad()), 1e-2);
    }
  }
}

TEST(SequenceAttention, WhatLiesBesideATextChangesNothingInBfloat16) {
  SequenceAttention rule;
  rule.heads = rule.kv_heads = 2;
  const Inputs both = inputs(rule, {20, 3, 33}, {20, 3, 33});
  const auto some = [&](const at::Tensor& t, int64_t first, int64_t rows) {
    return t.detach().narrow(0, first, rows).to(at::kBFloat16).set_requires_grad(true);
  };
  const auto of = [&](int64_t first, int64_t rows, const std::vector<int64_t>& lengths) {
    return run({some(both.q, first, rows),
                some(both.k, first, rows),
                some(both.v, first, rows),
                at::tensor(lengths, at::kLong),
                {}},
               rule);
  };
  const at::Tensor all = of(0, 56, {20, 3, 33});
  EXPECT_TRUE(at::equal(of(23, 33, {33}), all.narrow(0, 23, 33)));
  EXPECT_TRUE(at::equal(of(20, 3, {3}), all.narrow(0, 20, 3)));
}

/// No mask is kept: backward must drop what forward dropped. The slope along a direction shows it.
TEST(SequenceAttention, DroppedEntriesAreTheSameInBackward) {
  SequenceAttention rule;
  rule.heads = rule.kv_heads = 2;
  rule.dropout = 0.4;
  const auto value = [&](const Inputs& in) {
    Context context;
    context.training = true;
    context.generator = at::detail::createCPUGenerator(3);
    return run(in, rule, context).square().sum();
  };
  Inputs in = inputs(rule, {40, 70}, {40, 70});
  const at::Tensor first = value(in);
  EXPECT_EQ(first.item<float>(), value(in).item<float>());
  first.backward();
  for (at::Tensor* t : {&in.q, &in.k, &in.v}) {
    const at::Tensor grad = t->grad().clone();
    const at::Tensor step = grad / grad.norm() * 1e-2;
    const at::NoGradGuard no_grad;
    const at::Tensor was = t->detach().clone();
    t->copy_(was + step);
    const double up = value(in).item<double>();
    t->copy_(was - step);
    const double down = value(in).item<double>();
    t->copy_(was);
    const double slope = grad.norm().item<double>();
    EXPECT_NEAR((up - down) / 2e-2, slope, 0.02 * slope);
  }
  rule.dropout = 0;
  EXPECT_NE(first.item<float>(), value(in).item<float>());
}

TEST(SequenceAttention, ThreadsDoNotChangeAResult) {
  SequenceAttention rule;
  rule.heads = rule.kv_heads = 4;
  const int before = at::get_num_threads();
  std::vector<at::Tensor> results;
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    const Inputs in = inputs(rule, {170, 3, 133}, {170, 3, 133});
    const at::Tensor out = run(in, rule);
    out.square().sum().backward();
    results.push_back(at::cat({out, in.q.grad(), in.k.grad(), in.v.grad()}));
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(results[0], results[1]));
}

}  // namespace
}  // namespace graft::nn
