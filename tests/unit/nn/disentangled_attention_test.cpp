#include "graft/nn/disentangled_attention.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <string>
#include <vector>

namespace graft::nn {
namespace {

constexpr int64_t kWidth = 8;

struct Inputs {
  at::Tensor q, k, v, lengths, query_lengths;
  RelativeTerms relative;
  DisentangledAttention rule;

  std::vector<at::Tensor> leaves() const {
    std::vector<at::Tensor> all{q, k, v};
    for (const at::Tensor& t : {relative.keys, relative.queries}) {
      if (t.defined()) all.push_back(t);
    }
    return all;
  }
  at::Tensor run(const Context& context = {}) const {
    return attend_disentangled(q, k, v, lengths, relative, rule, context, query_lengths);
  }
};

/// `queries` 0: all. `terms`: which products there are.
Inputs inputs(const std::vector<int64_t>& lengths, const RelativePositions& positions,
              int64_t queries = 0, const std::string& terms = "c2p p2c") {
  const auto g = at::detail::createCPUGenerator(7);
  Inputs in;
  in.rule.heads = 3;
  in.rule.scale = 0.3;
  in.lengths = at::tensor(lengths, at::kLong);
  if (queries > 0) in.query_lengths = in.lengths.clamp_max(queries);
  const int64_t longest = in.lengths.max().item<int64_t>();
  in.relative.rows = positions.rows(longest, queries > 0 ? std::min(queries, longest) : longest);
  const auto random = [&](int64_t rows) {
    return at::randn({rows, in.rule.heads * kWidth}, g, at::kFloat).set_requires_grad(true);
  };
  const int64_t tokens = in.lengths.sum().item<int64_t>();
  in.q = random(queries > 0 ? in.query_lengths.sum().item<int64_t>() : tokens);
  in.k = random(tokens);
  in.v = random(tokens);
  if (terms.find("c2p") != std::string::npos) in.relative.keys = random(in.relative.rows.count);
  if (terms.find("p2c") != std::string::npos) in.relative.queries = random(in.relative.rows.count);
  return in;
}

Inputs as(const Inputs& in, at::ScalarType type) {
  const auto copy = [&](const at::Tensor& t) {
    return t.defined() ? t.detach().to(type).set_requires_grad(true) : t;
  };
  Inputs other = in;
  other.q = copy(in.q);
  other.k = copy(in.k);
  other.v = copy(in.v);
  other.relative.keys = copy(in.relative.keys);
  other.relative.queries = copy(in.relative.queries);
  return other;
}

/// The definition, number by number; `row` says which row of the table a distance reads.
template <typename RowOf>
at::Tensor by_definition(const Inputs& in, const RowOf& row) {
  const auto numbers = [](const at::Tensor& t) {
    return t.defined() ? t.detach().to(at::kDouble).view({t.size(0), -1, kWidth}) : t;
  };
  const at::Tensor q = numbers(in.q), k = numbers(in.k), v = numbers(in.v);
  const at::Tensor keys = numbers(in.relative.keys), queries = numbers(in.relative.queries);
  at::Tensor out = at::zeros_like(q);
  int64_t first = 0;
  int64_t token = 0;
  for (int64_t b = 0; b < in.lengths.size(0); ++b) {
    const int64_t n = in.lengths[b].item<int64_t>();
    const int64_t m = in.query_lengths.defined() ? in.query_lengths[b].item<int64_t>() : n;
    for (int64_t i = 0; i < m; ++i, ++token) {
      at::Tensor scores = at::zeros({in.rule.heads, n}, at::kDouble);
      for (int64_t j = 0; j < n; ++j) {
        at::Tensor sum = (q[token] * k[first + j]).sum(1);
        const int64_t r = row(i - j) - in.relative.rows.first;
        if (keys.defined()) sum = sum + (q[token] * keys[r]).sum(1);
        if (queries.defined()) sum = sum + (queries[r] * k[first + j]).sum(1);
        scores.select(1, j).copy_(sum * in.rule.scale);
      }
      out[token] = at::einsum("hj,jhd->hd", {at::softmax(scores, 1), v.narrow(0, first, n)});
    }
    first += n;
  }
  return out.flatten(1);
}

/// The loops in float32 against LibTorch's operators in double precision, gradients included.
void expect_equal(const Inputs& a) {
  const Inputs b = as(a, at::kDouble);
  const at::Tensor x = a.run();
  const at::Tensor y = b.run();
  EXPECT_TRUE(at::allclose(x.to(at::kDouble), y, 1e-4, 1e-5));
  const at::Tensor g = at::randn(x.sizes(), at::detail::createCPUGenerator(8), at::kFloat);
  x.backward(g);
  y.backward(g.to(at::kDouble));
  const auto mine = a.leaves();
  const auto theirs = b.leaves();
  for (size_t i = 0; i < mine.size(); ++i) {
    ASSERT_TRUE(mine[i].grad().defined()) << i;
    EXPECT_TRUE(at::allclose(mine[i].grad().to(at::kDouble), theirs[i].grad(), 1e-3, 2e-5)) << i;
  }
}

const std::vector<int64_t> kLengths = {5, 1, 150, 64, 65, 150, 2, 7, 30, 11};  // more than parts

TEST(DisentangledAttention, LoopsEqualTheOperators) {
  const RelativePositions near(16, 40);
  for (const char* terms : {"c2p p2c", "c2p", "p2c", ""})
    expect_equal(inputs(kLengths, near, 0, terms));
  expect_equal(inputs(kLengths, RelativePositions(0, 20)));
  expect_equal(inputs({3, 2}, near));
}

TEST(DisentangledAttention, SomeFirstQueries) {
  const RelativePositions positions(16, 40);
  expect_equal(inputs(kLengths, positions, 1));
  expect_equal(inputs(kLengths, positions, 70));
  const Inputs all = inputs({9, 6}, positions);
  Inputs first = all;
  first.q = all.q.index_select(0, at::tensor({int64_t{0}, int64_t{9}}));
  first.query_lengths = at::ones({2}, at::kLong);
  EXPECT_TRUE(at::allclose(
      first.run(), all.run().index_select(0, at::tensor({int64_t{0}, int64_t{9}})), 1e-6, 1e-6));
}

TEST(DisentangledAttention, BothEqualTheDefinition) {
  const RelativePositions clipped(0, 6);
  const auto row = [](int64_t distance) { return std::clamp<int64_t>(distance + 6, 0, 11); };
  for (const char* terms : {"c2p p2c", "c2p", "p2c", ""}) {
    for (const int64_t queries : {0, 1, 3}) {
      const Inputs in = inputs({9, 1, 14}, clipped, queries, terms);
      const at::Tensor expected = by_definition(in, row);
      EXPECT_TRUE(at::allclose(as(in, at::kDouble).run(), expected, 1e-9, 1e-9)) << terms;
      EXPECT_TRUE(at::allclose(in.run().to(at::kDouble), expected, 1e-4, 1e-5)) << terms;
    }
  }
}

TEST(DisentangledAttention, BFloat16IsAsCloseAsItsNumbers) {
  const Inputs single = inputs(kLengths, RelativePositions(16, 40));
  const Inputs narrow = as(single, at::kBFloat16);
  const Inputs same = as(narrow, at::kFloat);
  const at::Tensor x = narrow.run();
  const at::Tensor y = same.run();
  EXPECT_EQ(x.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::allclose(x.to(at::kFloat), y, 1e-2, 1e-2));
  x.sum().backward();
  y.sum().backward();
  for (size_t i = 0; i < same.leaves().size(); ++i)
    EXPECT_TRUE(
        at::allclose(narrow.leaves()[i].grad().to(at::kFloat), same.leaves()[i].grad(), 2e-2, 5e-2))
        << i;
}

TEST(DisentangledAttention, WhatLiesBesideATextChangesNothing) {
  const RelativePositions positions(16, 40);
  const Inputs both = inputs({20, 33}, positions);
  Inputs alone = both;
  for (at::Tensor* t : {&alone.q, &alone.k, &alone.v}) *t = t->narrow(0, 20, 33);
  alone.lengths = at::tensor({int64_t{33}});
  EXPECT_TRUE(at::equal(alone.run(), both.run().narrow(0, 20, 33)));
}

/// No mask is kept: backward must drop what forward dropped. The slope along a direction shows it.
TEST(DisentangledAttention, DroppedEntriesAreTheSameInBackward) {
  Inputs in = inputs({40, 70}, RelativePositions(16, 40));
  in.rule.dropout = 0.4;
  const auto value = [&] {
    Context context;
    context.training = true;
    context.generator = at::detail::createCPUGenerator(3);
    return in.run(context).square().sum();
  };
  const at::Tensor first = value();
  EXPECT_EQ(first.item<float>(), value().item<float>());
  first.backward();
  for (const at::Tensor& t : in.leaves()) {
    const at::Tensor grad = t.grad().clone();
    const at::Tensor step = grad / grad.norm() * 1e-2;
    const at::NoGradGuard no_grad;
    const at::Tensor was = t.detach().clone();
    t.copy_(was + step);
    const double up = value().item<double>();
    t.copy_(was - step);
    const double down = value().item<double>();
    t.copy_(was);
    const double slope = grad.norm().item<double>();
    EXPECT_NEAR((up - down) / 2e-2, slope, 0.02 * slope);
  }
  in.rule.dropout = 0;
  EXPECT_NE(first.item<float>(), value().item<float>());
}

TEST(DisentangledAttention, ThreadsDoNotChangeAResult) {
  const int before = at::get_num_threads();
  std::vector<at::Tensor> results;
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    const Inputs in = inputs(kLengths, RelativePositions(16, 40));
    const at::Tensor out = in.run();
    out.square().sum().backward();
    std::vector<at::Tensor> all{out};
    for (const at::Tensor& t : in.leaves()) all.push_back(t.grad());
    results.push_back(at::cat(all));
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(results[0], results[1]));
}

TEST(RelativePositions, NearDistancesHaveTheirOwnRow) {
  const RelativeRows rows = RelativePositions(0, 4).rows(6, 6);
  EXPECT_EQ(rows.first, 0);
  EXPECT_EQ(rows.count, 8);
  EXPECT_EQ(rows.zero, 5);
  const at::Tensor expected = at::tensor({0, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7}, at::kLong);
  EXPECT_TRUE(at::equal(rows.of_distance, expected));
}

/// Rows of the published v3 models, as transformers 5.23 computes them.
TEST(RelativePositions, FarOnesShareRows) {
  const RelativePositions published(256, 512);
  EXPECT_EQ(published.span(), 256);
  const RelativeRows rows = published.rows(3000, 3000);  // longer than what is at hand
  EXPECT_EQ(rows.first, 0);
  EXPECT_EQ(rows.count, 512);
  const auto row = [&](int64_t distance) {
    return rows.of_distance[rows.zero + distance].item<int64_t>() - 256;
  };
  const std::vector<std::pair<int64_t, int64_t>> expected = {
      {0, 0},      {1, 1},       {128, 128},   {129, 129},   {130, 130},   {133, 132},
      {200, 169},  {256, 192},   {300, 207},   {400, 233},   {510, 255},   {512, 255},
      {2999, 255}, {-129, -129}, {-200, -169}, {-511, -255}, {-2999, -256}};
  for (const auto& [distance, there] : expected) EXPECT_EQ(row(distance), there) << distance;
  const at::Tensor relative = rows.of_distance - 256;
  EXPECT_EQ(relative.abs().sum().item<int64_t>(), 1445962);
  EXPECT_EQ((relative * at::arange(5999)).sum().item<int64_t>(), 2279339438);
  const RelativeRows near = published.rows(100, 1);  // one query: only keys behind it
  EXPECT_EQ(near.first, 256 - 99);
  EXPECT_EQ(near.count, 100);
  EXPECT_EQ(near.of_distance.size(0), 100);
}

}  // namespace
}  // namespace graft::nn
