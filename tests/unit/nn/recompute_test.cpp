#include "graft/nn/recompute.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/nn/dropout.h"
#include "graft/nn/norm.h"
#include "graft/tensor/memory.h"

namespace graft::nn {
namespace {

bool same(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() == b.defined() && (!a.defined() || at::equal(a, b));
}

at::Tensor numbers(at::IntArrayRef sizes, uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kFloat);
}

/// Two weights and a mask drawn for each pass; "ids" travel through.
struct Blocks {
  Blocks() : first(numbers({8, 8}, 1)), second(numbers({8, 8}, 2)), shared(numbers({8}, 3)) {
    for (at::Tensor* t : {&first, &second, &shared}) t->set_requires_grad(true);
  }
  BlockPass block(const at::Tensor& weight) const {
    return [weight, this](Flow flow, Context& context) {
      ++runs;
      const at::Tensor x = flow.at("x");
      Flow out("ids", flow.at("ids"));
      out["x"] = (dropout(at::linear(x, weight).tanh(), 0.5, context) + x) * shared;
      return out;
    };
  }
  /// The sum of both blocks' output, run one way or the other.
  at::Tensor pass(const at::Tensor& x, Context& context, bool again) const {
    Flow flow("ids", at::arange(x.size(0)));
    flow["x"] = x;
    for (const at::Tensor* weight : {&first, &second}) {
      flow = again ? recomputed(block(*weight), flow, context, {first, second, shared})
                   : block(*weight)(flow, context);
    }
    EXPECT_TRUE(at::equal(flow.at("ids"), at::arange(x.size(0))));
    EXPECT_EQ(flow.tensors().front().first, "ids") << "the order of a flow stays";
    return flow.at("x");
  }
  at::Tensor first, second, shared;
  mutable int runs = 0;
};

Context training(uint64_t seed) {
  Context context;
  context.training = true;
  context.generator = at::detail::createCPUGenerator(seed);
  return context;
}

TEST(Recompute, ResultsAndGradientsAreTheSameBits) {
  for (const bool input_learns : {true, false}) {
    Blocks plain;
    Blocks again;
    Context a = training(5);
    Context b = training(5);
    const at::Tensor x = numbers({6, 8}, 4).set_requires_grad(input_learns);
    const at::Tensor y = numbers({6, 8}, 4).set_requires_grad(input_learns);
    for (int micro = 0; micro < 2; ++micro) {  // gradients add up
      const at::Tensor one = plain.pass(x, a, false);
      const at::Tensor two = again.pass(y, b, true);
      EXPECT_TRUE(same(one, two));
      one.square().sum().backward();
      two.square().sum().backward();
    }
    EXPECT_EQ(plain.runs, 4);
    EXPECT_EQ(again.runs, 8);
    EXPECT_TRUE(same(x.grad(), y.grad()));
    EXPECT_EQ(x.grad().defined(), input_learns);
    EXPECT_TRUE(same(plain.first.grad(), again.first.grad()));
    EXPECT_TRUE(same(plain.second.grad(), again.second.grad()));
    EXPECT_TRUE(same(plain.shared.grad(), again.shared.grad()));
    EXPECT_TRUE(at::equal(a.generator->get_state(), b.generator->get_state()))
        << "masks to come are the same";
  }
}

TEST(Recompute, WithoutAnythingToLearnTheBlockRunsOnce) {
  Blocks blocks;
  Context context = training(5);
  {
    const at::NoGradGuard no_grad;
    blocks.pass(numbers({6, 8}, 4), context, true);
  }
  EXPECT_EQ(blocks.runs, 2);
  for (at::Tensor* t : {&blocks.first, &blocks.second, &blocks.shared}) t->set_requires_grad(false);
  EXPECT_FALSE(blocks.pass(numbers({6, 8}, 4), context, true).requires_grad());
  EXPECT_EQ(blocks.runs, 4);
}

TEST(Recompute, WhatPassesThroughUnchangedKeepsItsGradient) {
  Context context;
  const at::Tensor weight = numbers({8}, 1).set_requires_grad(true);
  const BlockPass block = [&](Flow flow, Context&) {
    flow["y"] = flow.at("x") * weight;
    return flow;
  };
  const at::Tensor x = numbers({6, 8}, 4).set_requires_grad(true);
  const Flow out = recomputed(block, {"x", x}, context, {weight});
  (out.at("x").sum() + 2 * out.at("y").sum()).backward();
  EXPECT_TRUE(at::allclose(x.grad(), (1 + 2 * weight).detach().expand({6, 8})));
  EXPECT_TRUE(at::allclose(weight.grad(), 2 * x.detach().sum(0)));
}

TEST(Recompute, RunningStatisticsMoveOnce) {
  std::vector<at::Tensor> statistics, gradients;
  for (const bool again : {false, true}) {
    Registry registry;
    BatchNorm norm(Scope(registry, "norm", 0), 4, 1e-5, 0.3);
    norm.use_batch_statistics(true);
    norm.weight().set_requires_grad(true);
    Context context;
    const BlockPass block = [&](Flow flow, Context&) {
      return Flow("x", norm(flow.at("x"), Activation::relu));
    };
    for (const bool channels_last : {false, true}) {  // both have loops of their own
      at::Tensor x = numbers({3, 4, 5, 5}, 9);
      if (channels_last) x = x.contiguous(at::MemoryFormat::ChannelsLast);
      const Flow out =
          again ? recomputed(block, {"x", x}, context, {norm.weight()}) : block({"x", x}, context);
      out.at("x").square().sum().backward();
    }
    statistics.push_back(at::stack({norm.running_mean(), norm.running_var()}));
    gradients.push_back(norm.weight().grad());
    EXPECT_EQ(norm.batches().item<int64_t>(), 2);
  }
  EXPECT_TRUE(same(statistics[0], statistics[1]));
  EXPECT_TRUE(same(gradients[0], gradients[1]));
}

TEST(Recompute, KeepsNoMoreThanWhatEnters) {
  install_counting_allocator();
  constexpr int64_t kRows = 4096, kWidth = 64;
  const at::Tensor weight = numbers({kWidth, kWidth}, 1).set_requires_grad(true);
  const BlockPass block = [&](Flow flow, Context&) {
    at::Tensor x = flow.at("x");
    for (int i = 0; i < 8; ++i) x = at::linear(x, weight).tanh();
    return Flow("x", x);
  };
  const auto peak = [&](bool again) {
    Context context;
    const at::Tensor x = numbers({kRows, kWidth}, 2);
    reset_peak_tensor_bytes();
    const int64_t before = live_tensor_bytes();
    Flow flow("x", x);
    for (int b = 0; b < 6; ++b)
      flow = again ? recomputed(block, flow, context, {weight}) : block(flow, context);
    flow.at("x").sum().backward();
    return peak_tensor_bytes() - before;
  };
  const int64_t plain = peak(false);
  const int64_t again = peak(true);
  const int64_t entering = kRows * kWidth * 4;
  EXPECT_GT(plain, 6 * 8 * entering);
  EXPECT_LT(again, (6 + 8 + 6) * entering) << "what enters six blocks, and one block's own";
}

}  // namespace
}  // namespace graft::nn
