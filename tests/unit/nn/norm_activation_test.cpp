#include "graft/nn/norm_activation.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "graft/nn/norm_kernels.h"

namespace graft::nn {
namespace {

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

/// What LibTorch computes, in double: the value to be met.
struct Reference {
  at::Tensor y, dx, dweight, dbias, dresidual, mean, var;
};

struct Case {
  int64_t batch, channels, height, width;
  bool from_batch, residual;
  Activation activation;
};

struct Inputs {
  explicit Inputs(const Case& c) {
    torch::manual_seed(c.channels * 7 + c.batch);
    x = (torch::randn({c.batch, c.channels, c.height, c.width}) * 3 + 5).contiguous(kLast);
    weight = torch::rand({c.channels}) + 0.5;
    bias = torch::randn({c.channels}) - 0.2;
    if (c.residual) residual = torch::randn(x.sizes()).contiguous(kLast);
    mean = torch::randn({c.channels}) + 5;
    var = torch::rand({c.channels}) * 4 + 5;
    g = torch::randn(x.sizes()).contiguous(kLast);
  }
  at::Tensor x, weight, bias, residual, mean, var, g;
};

at::Tensor act(Activation a, const at::Tensor& x) {
  return a == Activation::relu ? x.relu() : a == Activation::relu6 ? x.clamp(0, 6) : x;
}

Reference reference(const Case& c, const Inputs& in) {
  const auto leaf = [](const at::Tensor& t) {
    return t.defined() ? t.to(at::kDouble).detach().clone().requires_grad_() : t;
  };
  at::Tensor x = leaf(in.x), w = leaf(in.weight), b = leaf(in.bias), r = leaf(in.residual);
  Reference out;
  out.mean = in.mean.to(at::kDouble).clone();
  out.var = in.var.to(at::kDouble).clone();
  at::Tensor z = at::batch_norm(x, w, b, out.mean, out.var, c.from_batch, 0.1, 1e-3, false);
  if (r.defined()) z = z + r;
  out.y = act(c.activation, z);
  out.y.backward(in.g.to(at::kDouble));
  out.dx = x.grad();
  out.dweight = w.grad();
  out.dbias = b.grad();
  if (r.defined()) out.dresidual = r.grad();
  return out;
}

double gap(const at::Tensor& a, const at::Tensor& b) {
  return ((a.to(at::kDouble) - b).abs().max() / b.abs().max().clamp_min(1e-3)).item<double>();
}

void check(const Case& c) {
  SCOPED_TRACE(::testing::Message()
               << c.batch << "x" << c.channels << "x" << c.height << "x" << c.width
               << " batch statistics " << c.from_batch << " residual " << c.residual
               << " activation " << static_cast<int>(c.activation));
  Inputs in(c);
  const Reference want = reference(c, in);
  for (at::Tensor* t : {&in.x, &in.weight, &in.bias, &in.residual}) {
    if (t->defined()) t->requires_grad_();
  }
  ASSERT_TRUE(has_norm_loops(in.x, c.activation));
  const NormStatistics statistics{in.mean, in.var, c.from_batch, 0.1, 1e-3};
  const at::Tensor y =
      norm_activation(in.x, in.weight, in.bias, statistics, c.activation, in.residual);
  EXPECT_LT(gap(y.detach(), want.y.detach()), 2e-6);
  EXPECT_LT(gap(in.mean, want.mean), 1e-6);
  EXPECT_LT(gap(in.var, want.var), 1e-6);
  y.backward(in.g);
  EXPECT_LT(gap(in.x.grad(), want.dx), 1e-5);
  EXPECT_LT(gap(in.weight.grad(), want.dweight), 1e-5);
  EXPECT_LT(gap(in.bias.grad(), want.dbias), 1e-5);
  if (c.residual) {
    EXPECT_LT(gap(in.residual.grad(), want.dresidual), 1e-6);
  }
}

TEST(NormActivation, EqualsBatchNormThenResidualThenActivation) {
  for (const bool from_batch : {true, false}) {
    for (const bool residual : {true, false}) {
      for (const Activation a : {Activation::none, Activation::relu, Activation::relu6}) {
        check({3, 8, 5, 7, from_batch, residual, a});      // several pixels a line, and a rest
        check({2, 96, 9, 9, from_batch, residual, a});     // no rest
        check({4, 130, 30, 30, from_batch, residual, a});  // several blocks, lines of odd length
        // Fewer numbers than a line. (Of two pixels alone the gradient is nothing but rounding.)
        check({1, 3, 2, 3, from_batch, residual, a});
      }
    }
  }
}

TEST(NormActivation, BFloat16IsWithinItsDigits) {
  const Case c{2, 24, 12, 12, true, true, Activation::relu};
  Inputs in(c);
  in.x = in.x.to(at::kBFloat16);
  in.residual = in.residual.to(at::kBFloat16);
  const Reference want = reference(c, in);
  for (at::Tensor* t : {&in.x, &in.weight, &in.bias, &in.residual}) t->requires_grad_();
  const NormStatistics statistics{in.mean, in.var, true, 0.1, 1e-3};
  const at::Tensor y =
      norm_activation(in.x, in.weight, in.bias, statistics, c.activation, in.residual);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  EXPECT_LT(gap(y.detach(), want.y.detach()), 8e-3);
  y.backward(in.g.to(at::kBFloat16));
  EXPECT_LT(gap(in.x.grad(), want.dx), 2e-2);
  EXPECT_LT(gap(in.weight.grad(), want.dweight), 2e-2);
}

TEST(NormActivation, DoesNotDependOnTheNumberOfThreads) {
  at::Tensor first;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    Inputs in({4, 40, 33, 31, true, true, Activation::relu});
    in.x.requires_grad_();
    const NormStatistics statistics{in.mean, in.var, true, 0.1, 1e-3};
    norm_activation(in.x, in.weight, in.bias, statistics, Activation::relu, in.residual)
        .backward(in.g);
    if (!first.defined())
      first = in.x.grad();
    else
      EXPECT_TRUE(at::equal(first, in.x.grad()));
  }
  at::set_num_threads(2);
}

TEST(NormActivation, KeepsOnlyTheInput) {
  // Written over y after the forward pass: the backward pass must not miss it.
  Inputs in({2, 16, 6, 6, true, false, Activation::relu});
  in.x.requires_grad_();
  const NormStatistics statistics{in.mean, in.var, true, 0.1, 1e-3};
  const at::Tensor y = norm_activation(in.x, in.weight, in.bias, statistics, Activation::relu, {});
  const at::Tensor loss = (y * in.g).sum();
  {
    const at::NoGradGuard no_grad;
    y.detach().zero_();
  }
  loss.backward();
  const Reference want = reference({2, 16, 6, 6, true, false, Activation::relu},
                                   Inputs({2, 16, 6, 6, true, false, Activation::relu}));
  EXPECT_LT(gap(in.x.grad(), want.dx), 1e-5);
}

TEST(NormKernels, EveryLevelOfInstructionsAgrees) {
  Inputs in({2, 24, 11, 13, true, false, Activation::relu});
  const int64_t rows = in.x.numel() / 24;
  at::Tensor mean = at::empty({24}), squares = at::empty({24});
  const at::Tensor flat = in.x.permute({0, 2, 3, 1}).reshape({-1, 24}).to(at::kDouble);
  for (const Simd level : {Simd::baseline, Simd::avx2, Simd::avx512}) {
    if (level > simd_level()) GTEST_SKIP() << "this processor has no higher level";
    const NormKernels<Float32> kernels(rows, 24, level);
    kernels.moments(in.x.data_ptr<float>(), mean.data_ptr<float>(), squares.data_ptr<float>());
    EXPECT_LT(gap(mean, flat.mean(0)), 1e-6);
    EXPECT_LT(gap(squares, (flat - flat.mean(0)).square().sum(0)), 1e-6);
  }
}

TEST(NormKernels, ClampKeepsWhatIsNotANumber) {
  const std::vector<float> x{NAN, -1, 3, 9}, one(4, 1), zero(4, 0);
  std::vector<float> y(4);
  for (const Simd level : {Simd::baseline, simd_level()}) {
    const NormKernels<Float32> kernels(1, 4, level);
    kernels.forward(x.data(), nullptr, one.data(), zero.data(), {0, 6}, y.data());
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(y[1], 0);
    EXPECT_EQ(y[2], 3);
    EXPECT_EQ(y[3], 6);
  }
}

}  // namespace
}  // namespace graft::nn
