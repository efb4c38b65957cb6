#include <gtest/gtest.h>
#include <torch/torch.h>

#include "graft/nn/conv.h"
#include "graft/nn/low_rank.h"

namespace graft::nn {
namespace {

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

TEST(FrozenConvolution, GivesTheInputsGradientInItsLayout) {
  torch::manual_seed(1);
  for (const auto& [kernel, stride, groups] : std::vector<std::array<int64_t, 3>>{
           {1, 1, 1}, {3, 1, 1}, {3, 2, 1}, {1, 2, 1}, {3, 1, 16}}) {
    const at::Tensor x = torch::randn({2, 16, 9, 9}).contiguous(kLast).requires_grad_();
    const at::Tensor w = torch::randn({16, 16 / groups, kernel, kernel}).contiguous(kLast);
    const at::Tensor y =
        frozen_convolution(x, w, {}, {stride, stride}, {kernel / 2, kernel / 2}, {1, 1}, groups);
    const at::Tensor g = torch::randn(y.sizes()).contiguous(kLast);
    y.backward(g);
    EXPECT_TRUE(x.grad().is_contiguous(kLast));
    const at::Tensor plain = x.detach().clone().requires_grad_();
    at::conv2d(plain, w, {}, {stride, stride}, {kernel / 2, kernel / 2}, {1, 1}, groups)
        .backward(g);
    EXPECT_LT((x.grad() - plain.grad()).abs().max().item<float>(), 1e-4);
  }
}

TEST(AddLowRank, EqualsTheConvolutionItStandsFor) {
  torch::manual_seed(2);
  const auto leaf = [](const at::Tensor& t) { return t.detach().clone().requires_grad_(); };
  const at::Tensor x = torch::randn({2, 12, 5, 7}).contiguous(kLast);
  const at::Tensor low = torch::randn({2, 4, 5, 7}).contiguous(kLast);
  const at::Tensor b = torch::randn({12, 4});
  const at::Tensor g = torch::randn(x.sizes()).contiguous(kLast);
  const at::Tensor x1 = leaf(x), low1 = leaf(low), b1 = leaf(b);
  const at::Tensor y = x1 * 2;  // not a leaf: it is written to
  const at::Tensor sum = add_low_rank(y, low1, b1, 0.5);
  EXPECT_TRUE(sum.is_same(y));
  sum.backward(g);
  const at::Tensor x2 = leaf(x), low2 = leaf(low), b2 = leaf(b);
  const at::Tensor want = x2 * 2 + at::conv2d(low2, b2.view({12, 4, 1, 1})) * 0.5;
  want.backward(g);
  EXPECT_LT((sum - want).abs().max().item<float>(), 1e-5);
  EXPECT_LT((x1.grad() - x2.grad()).abs().max().item<float>(), 1e-5);
  EXPECT_LT((low1.grad() - low2.grad()).abs().max().item<float>(), 1e-5);
  EXPECT_LT((b1.grad() - b2.grad()).abs().max().item<float>(), 1e-4);
}

}  // namespace
}  // namespace graft::nn
