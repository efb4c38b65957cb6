#include "graft/nn/token_loss.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>

#include "graft/tensor/memory.h"

namespace graft::nn {
namespace {

struct Problem {
  at::Tensor x, weight, targets;
};

Problem problem(int64_t rows, int64_t width, int64_t vocabulary, uint64_t seed) {
  const auto g = at::detail::createCPUGenerator(seed);
  Problem p;
  p.x = at::randn({rows, width}, g, at::kFloat).set_requires_grad(true);
  p.weight = (at::randn({vocabulary, width}, g, at::kFloat) * 0.5).set_requires_grad(true);
  p.targets = at::randint(vocabulary, {rows}, g, at::kLong);
  p.targets.masked_fill_(at::rand({rows}, g, at::kFloat) < 0.4, -100);
  return p;
}

/// The whole logits, as everyone knows them.
at::Tensor plain(const Problem& p, double cap) {
  at::Tensor logits = at::linear(p.x, p.weight);
  if (cap > 0) logits = (logits / cap).tanh() * cap;
  return at::cross_entropy_loss(logits, p.targets, {}, at::Reduction::Sum, -100);
}

void expect_equal(int64_t rows, int64_t width, int64_t vocabulary, double cap) {
  const Problem a = problem(rows, width, vocabulary, 1);
  const Problem b = problem(rows, width, vocabulary, 1);
  const at::Tensor expected = plain(a, cap);
  (expected / 7).backward();
  const TokenLoss loss = token_loss(b.x, b.weight, b.targets, cap);
  (loss.sum / 7).backward();
  EXPECT_NEAR(loss.sum.item<double>(), expected.item<double>(), 1e-5 * expected.item<double>());
  EXPECT_TRUE(at::allclose(b.x.grad(), a.x.grad(), 1e-4, 1e-6));
  EXPECT_TRUE(at::allclose(b.weight.grad(), a.weight.grad(), 1e-4, 1e-5));
  // Rows that are not learned get no gradient at all.
  EXPECT_EQ(
      b.x.grad().index_select(0, b.targets.lt(0).nonzero().squeeze(1)).abs().sum().item<double>(),
      0);
  EXPECT_NEAR(loss.losses.sum().item<double>(), expected.item<double>(),
              1e-5 * expected.item<double>());
  at::Tensor logits = at::linear(a.x, a.weight);
  const at::Tensor learned = a.targets.ge(0);
  EXPECT_TRUE(at::equal(loss.hits, logits.argmax(1).eq(a.targets).masked_select(learned)));
}

TEST(TokenLoss, EqualsThatOfTheWholeLogits) {
  expect_equal(37, 8, 11, 0);
  expect_equal(200, 16, 60000, 0);  // several parts
  expect_equal(37, 8, 11, 3);
  expect_equal(200, 16, 60000, 2);
}

/// Losses of the learned rows from whole logits in double precision.
at::Tensor plain_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& targets,
                      double cap) {
  at::Tensor logits = at::linear(x, weight);
  if (cap > 0) logits = (logits / cap).tanh() * cap;
  const at::Tensor learned = targets.ge(0).nonzero().squeeze(1);
  return at::cross_entropy_loss(logits.index_select(0, learned), targets.index_select(0, learned),
                                {}, at::Reduction::None);
}

void expect_equal_rows(int64_t rows, int64_t width, int64_t vocabulary, double cap, double of_sum) {
  const Problem p = problem(rows, width, vocabulary, 6);
  const at::Tensor x = p.x.detach().to(at::kDouble).set_requires_grad(true);
  const at::Tensor weight = p.weight.detach().to(at::kDouble).set_requires_grad(true);
  const at::Tensor expected = plain_rows(x, weight, p.targets, cap);
  // Gradients of both signs, of which some are 0.
  const at::Tensor factors = at::arange(expected.size(0), at::kDouble).remainder(5) - 2;
  ((expected * factors).sum() + of_sum * expected.sum()).backward();
  const TokenLoss loss = token_loss(p.x, p.weight, p.targets, cap);
  at::Tensor ours = (loss.losses * factors.to(at::kFloat)).sum();
  if (of_sum != 0) ours = ours + of_sum * loss.sum;
  ours.backward();
  EXPECT_TRUE(at::allclose(loss.losses.to(at::kDouble), expected, 1e-5, 1e-5));
  EXPECT_TRUE(at::allclose(p.x.grad().to(at::kDouble), x.grad(), 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(p.weight.grad().to(at::kDouble), weight.grad(), 1e-4, 1e-4));
}

TEST(TokenLoss, RowsMayHaveGradientsOfTheirOwn) {
  expect_equal_rows(37, 8, 11, 0, 0);
  expect_equal_rows(200, 16, 60000, 0, 0);  // several parts
  expect_equal_rows(37, 8, 11, 3, 0);
  expect_equal_rows(200, 16, 60000, 2, 0);
  expect_equal_rows(37, 8, 11, 3, 0.25);  // and that of the sum beside them
}

TEST(TokenLoss, EqualGradientsOfRowsAreThatOfTheSum) {
  const Problem a = problem(50, 8, 300, 7);
  const Problem b = problem(50, 8, 300, 7);
  token_loss(a.x, a.weight, a.targets).sum.backward();
  token_loss(b.x, b.weight, b.targets).losses.sum().backward();
  EXPECT_TRUE(at::allclose(a.x.grad(), b.x.grad(), 1e-6, 1e-7));
  EXPECT_TRUE(at::allclose(a.weight.grad(), b.weight.grad(), 1e-5, 1e-6));
}

TEST(TokenLoss, RowsOfAFrozenWeightNeedNoLogitsAgain) {
  Problem p = problem(20, 8, 11, 8);
  p.weight.set_requires_grad(false);
  const at::Tensor x = p.x.detach().to(at::kDouble).set_requires_grad(true);
  plain_rows(x, p.weight.to(at::kDouble), p.targets, 0).square().sum().backward();
  token_loss(p.x, p.weight, p.targets).losses.square().sum().backward();
  EXPECT_TRUE(at::allclose(p.x.grad().to(at::kDouble), x.grad(), 1e-4, 1e-5));
  EXPECT_FALSE(p.weight.grad().defined());
}

/// The bias of a masked language model: added before the cap, with a gradient of its own.
TEST(TokenLoss, ABiasIsPartOfTheLogits) {
  for (const bool rows : {false, true}) {
    for (const bool weight_learns : {false, true}) {
      Problem p = problem(200, 16, 60000, 9);  // several parts
      p.weight.set_requires_grad(weight_learns);
      const auto g = at::detail::createCPUGenerator(10);
      const at::Tensor bias = at::randn({60000}, g, at::kFloat).set_requires_grad(true);
      const auto wide = [](const at::Tensor& t) {
        return t.detach().to(at::kDouble).set_requires_grad(t.requires_grad());
      };
      const at::Tensor x = wide(p.x);
      const at::Tensor weight = wide(p.weight);
      const at::Tensor b = wide(bias);
      const at::Tensor learned = p.targets.ge(0).nonzero().squeeze(1);
      const at::Tensor logits = (at::linear(x.index_select(0, learned), weight, b) / 5).tanh() * 5;
      const at::Tensor expected = at::cross_entropy_loss(logits, p.targets.index_select(0, learned),
                                                         {}, at::Reduction::None);
      const TokenLoss loss = token_loss(p.x, p.weight, p.targets, 5, bias);
      EXPECT_TRUE(at::allclose(loss.losses.to(at::kDouble), expected, 1e-5, 1e-5));
      const at::Tensor factors = at::arange(expected.size(0), at::kDouble).remainder(5) - 2;
      (rows ? (expected * factors).sum() : expected.sum()).backward();
      (rows ? (loss.losses * factors.to(at::kFloat)).sum() : loss.sum).backward();
      EXPECT_TRUE(at::allclose(bias.grad().to(at::kDouble), b.grad(), 1e-4, 1e-5));
      EXPECT_TRUE(at::allclose(p.x.grad().to(at::kDouble), x.grad(), 1e-4, 1e-5));
      ASSERT_EQ(p.weight.grad().defined(), weight_learns);
      if (weight_learns) {
        EXPECT_TRUE(at::allclose(p.weight.grad().to(at::kDouble), weight.grad(), 1e-4, 1e-4));
      }
    }
  }
}

TEST(TokenLoss, OnlyWhatTrainsGetsAGradient) {
  Problem p = problem(20, 8, 11, 2);
  p.weight.set_requires_grad(false);
  token_loss(p.x, p.weight, p.targets).sum.backward();
  EXPECT_TRUE(p.x.grad().defined());
  p = problem(20, 8, 11, 2);
  const at::Tensor x = p.x.detach();
  token_loss(x, p.weight, p.targets).sum.backward();
  EXPECT_TRUE(p.weight.grad().defined());
}

TEST(TokenLoss, NothingToLearnIsZero) {
  Problem p = problem(5, 8, 11, 3);
  p.targets.fill_(-100);
  const TokenLoss loss = token_loss(p.x, p.weight, p.targets);
  EXPECT_EQ(loss.sum.item<double>(), 0);
  EXPECT_EQ(loss.losses.size(0), 0);
  loss.sum.backward();
  EXPECT_EQ(p.x.grad().abs().sum().item<double>(), 0);
}

TEST(TokenLoss, MemoryDoesNotGrowWithRowsTimesVocabulary) {
  install_counting_allocator();
  const auto peak = [](int64_t rows) {
    const Problem p = problem(rows, 8, 50000, 4);
    const int64_t before = live_tensor_bytes();
    reset_peak_tensor_bytes();
    token_loss(p.x, p.weight, p.targets).sum.backward();
    return peak_tensor_bytes() - before;
  };
  const int64_t few = peak(600);
  // The whole logits of the further rows would take 240 MB.
  EXPECT_LT(peak(1800), few + (int64_t{8} << 20));
}

/// Rows of a large vocabulary meet the matrix in two parts, of which the second is smaller.
TEST(TokenLoss, PartsAreThoseOfTheWhole) {
  expect_equal(400, 6, 50000, 0);
  expect_equal_rows(400, 6, 50000, 0, 0.5);
}

TEST(TokenLoss, WhatIsNotANumberIsToldOfItsRowOnly) {
  const Problem p = problem(5, 8, 37, 9);
  p.targets.fill_(3);
  const at::Tensor x = p.x.detach().clone();
  x[2].fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor losses = token_loss(x, p.weight, p.targets).losses;
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(std::isnan(losses[i].item<float>()), i == 2);
}

TEST(TokenLoss, BFloat16IsClose) {
  const Problem p = problem(64, 32, 500, 5);
  const double expected = plain(p, 0).item<double>();
  const at::Tensor x = p.x.detach().to(at::kBFloat16).set_requires_grad(true);
  const TokenLoss loss = token_loss(x, p.weight, p.targets);
  EXPECT_EQ(loss.sum.scalar_type(), at::kFloat);
  EXPECT_NEAR(loss.sum.item<double>(), expected, 0.02 * expected);
  loss.sum.backward();
  EXPECT_EQ(p.weight.grad().scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace graft::nn
