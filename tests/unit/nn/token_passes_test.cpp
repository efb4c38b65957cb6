#include "graft/nn/token_passes.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/generated/variable_factories.h>
#include <torch/types.h>

#include "graft/nn/low_rank_linear.h"
#include "graft/nn/token_lines.h"
#include "graft/tensor/device.h"

namespace graft::nn {
namespace {

using Function = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

double gap(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble);
  const at::Tensor y = b.to(at::kDouble);
  return ((x - y).abs().max() / y.abs().max().clamp_min(1e-30)).item<double>();
}

/// Output and gradients of f for inputs of a type.
std::vector<at::Tensor> slopes(const Function& f, const std::vector<at::Tensor>& inputs,
                               at::ScalarType type) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& t : inputs) {
    // Rows that lie apart, as parts of a joint product do.
    const at::Tensor wide = at::zeros({t.size(0), t.size(-1) + 3}, at::TensorOptions(type));
    const at::Tensor leaf = t.dim() == 1 ? t.to(type) : wide.narrow(1, 1, t.size(-1));
    if (t.dim() > 1) leaf.copy_(t);
    leaves.push_back(leaf.detach().set_requires_grad(true));
  }
  const at::Tensor y = f(leaves);
  const at::Tensor weights = at::arange(y.numel(), at::kDouble).view(y.sizes()).sin().to(type);
  (y * weights).sum().backward();
  std::vector<at::Tensor> result = {y.detach()};
  for (const at::Tensor& leaf : leaves) result.push_back(leaf.grad());
  return result;
}

/// In float32 and bfloat16 as LibTorch's operators give it in double precision.
void expect_right(const Function& f, const std::vector<at::Tensor>& inputs) {
  const auto exact = slopes(f, inputs, at::kDouble);
  for (const auto& [type, most] : {std::pair{at::kFloat, 2e-6}, std::pair{at::kBFloat16, 2e-2}}) {
    const auto ours = slopes(f, inputs, type);
    ASSERT_EQ(ours[0].scalar_type(), type);
    for (size_t i = 0; i < exact.size(); ++i)
      EXPECT_LT(gap(ours[i], exact[i]), most) << at::toString(type) << ", " << i;
  }
}

TEST(TokenPasses, RmsNormEqualsTheOperators) {
  at::manual_seed(1);
  for (const int64_t n : {3, 16, 64, 577}) {
    for (const bool plus_one : {false, true}) {
      expect_right([&](const auto& in) { return rms_norm(in[0], in[1], 1e-5, plus_one); },
                   {at::randn({70, n}, at::kDouble), at::randn({n}, at::kDouble)});
    }
  }
}

TEST(TokenPasses, GatesEqualTheOperators) {
  at::manual_seed(2);
  for (const Activation kind : {Activation::silu, Activation::gelu_tanh, Activation::gelu}) {
    expect_right([&](const auto& in) { return gated(kind, in[0], in[1]); },
                 {3 * at::randn({41, 37}, at::kDouble), at::randn({41, 37}, at::kDouble)});
  }
  // Far out, where exponentials end.
  const at::Tensor far = at::tensor({-200.0, -90.0, -30.0, 30.0, 90.0, 200.0}).view({1, 6});
  for (const Activation kind : {Activation::silu, Activation::gelu_tanh})
    EXPECT_TRUE(gated(kind, far.to(at::kFloat), at::ones({1, 6})).isfinite().all().item<bool>());
}

TEST(TokenPasses, RotationEqualsTheOperatorsAndTurnsBack) {
  at::manual_seed(3);
  for (const int64_t half : {4, 3}) {
    const int64_t width = 8;  // with half 3 two numbers of a head stay
    const at::Tensor angle = at::rand({33, half}, at::kDouble) * 6;
    const auto turned = [&](const at::Tensor& x, double sign) {
      return rotate_heads(x, angle.cos().to(x.scalar_type()),
                          (sign * angle.sin()).to(x.scalar_type()), width);
    };
    const at::Tensor x = at::randn({33, 3 * width}, at::kDouble);
    expect_right([&](const auto& in) { return turned(in[0], 1); }, {x});
    EXPECT_LT(gap(turned(turned(x.to(at::kFloat), 1), -1), x), 1e-6);
  }
}

TEST(TokenPasses, DoNotDependOnThreads) {
  at::manual_seed(4);
  const at::Tensor x = at::randn({1000, 96});
  const at::Tensor weight = at::randn({96});
  std::vector<std::vector<at::Tensor>> results;
  for (const int threads : {1, 3}) {
    set_threads(threads);
    results.push_back(slopes([&](const auto& in) { return rms_norm(in[0], in[1], 1e-5, false); },
                             {x, weight}, at::kFloat));
  }
  set_threads(1);
  for (size_t i = 0; i < results[0].size(); ++i) EXPECT_TRUE(results[0][i].equal(results[1][i]));
}

TEST(TokenPasses, EveryLevelOfVectorInstructionsGivesTheSame) {
  at::manual_seed(5);
  const at::Tensor x = at::randn({53});
  const at::Tensor g = at::randn({53});
  const at::Tensor weight = at::randn({53});
  std::vector<at::Tensor> results;
  for (const Simd level : {Simd::baseline, Simd::avx2, Simd::avx512}) {
    if (level > simd_level()) continue;
    const auto& lines = token_lines<Float32>(level);
    const at::Tensor out = at::zeros({8, 53});
    float* row = out.data_ptr<float>();
    const float* in = x.const_data_ptr<float>();
    const float factor = lines.rms_norm(in, 53, weight.const_data_ptr<float>(), 1e-5F, row);
    lines.rms_norm_backward(g.const_data_ptr<float>(), in, 53, weight.const_data_ptr<float>(),
                            factor, row + 53, row + 2 * 53);
    lines.gated(Gate::silu, in, g.const_data_ptr<float>(), 53, row + 3 * 53);
    lines.gated_backward(Gate::gelu_tanh, g.const_data_ptr<float>(), in,
                         weight.const_data_ptr<float>(), 53, row + 4 * 53, row + 5 * 53);
    const SoftmaxSum of = lines.softmax_sum(in, 53);
    row[6 * 53] = of.largest;
    row[6 * 53 + 1] = of.sum;
    std::copy_n(in, 53, row + 7 * 53);
    lines.softmax_gradient(row + 7 * 53, 53, of, 11, 0.5F);
    results.push_back(out);
    EXPECT_LT(gap(out, results[0]), 1e-5);
  }
}

TEST(TokenPasses, CrossEntropyInPlaceIsThatOfLibTorch) {
  at::manual_seed(7);
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor logits = (at::randn({70, 101}) * 4).to(type);
    const at::Tensor targets = at::randint(101, {70});
    const at::Tensor scale = at::rand({70});
    const at::Tensor plain = logits.to(at::kDouble).set_requires_grad(true);
    const at::Tensor expected = at::cross_entropy_loss(plain, targets, {}, at::Reduction::None);
    (expected * scale).sum().backward();
    const at::Tensor losses = at::empty({70}), hits = at::empty({70}, at::kBool);
    const at::Tensor kept = logits.clone();
    cross_entropy_in_place(kept, targets, losses, hits, false, {});
    EXPECT_TRUE(kept.equal(logits));
    cross_entropy_in_place(kept, targets, losses, hits, true, scale);
    EXPECT_LT(gap(losses, expected), 1e-5);
    EXPECT_LT(gap(kept, plain.grad()), type == at::kFloat ? 1e-6 : 4e-3);
    const at::Tensor right = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
    EXPECT_TRUE(hits.equal(right.ge(logits.amax(1))));
  }
}

TEST(LowRankLinear, EqualsTheProductsOneByOne) {
  at::manual_seed(6);
  const std::vector<int64_t> outs = {10, 4, 6};
  const at::Tensor weight = at::randn({20, 12}, at::kDouble);
  const at::Tensor bias = at::randn({20}, at::kDouble);
  const auto plain = [&](const std::vector<at::Tensor>& in) {
    // Members 0 and 2 have updates, of different ranks.
    std::vector<at::Tensor> parts = at::addmm(bias, in[0], weight.t()).split_with_sizes(outs, 1);
    parts[0] = parts[0] + in[0].mm(in[1].t()).mm(in[2].t()) * 2.0;
    parts[2] = parts[2] + in[0].mm(in[3].t()).mm(in[4].t()) * 0.5;
    return at::cat(parts, 1);
  };
  const auto joint = [&](const std::vector<at::Tensor>& in) {
    const auto type = in[0].scalar_type();
    return low_rank_linear(in[0], weight.to(type), bias.to(type), outs,
                           {{0, {in[1], in[2], 2.0}}, {2, {in[3], in[4], 0.5}}});
  };
  const std::vector<at::Tensor> inputs = {
      at::randn({7, 12}, at::kDouble), at::randn({3, 12}, at::kDouble),
      at::randn({10, 3}, at::kDouble), at::randn({5, 12}, at::kDouble),
      at::randn({6, 5}, at::kDouble)};
  const auto exact = slopes(plain, inputs, at::kDouble);
  const auto ours = slopes(joint, inputs, at::kDouble);
  for (size_t i = 0; i < exact.size(); ++i) EXPECT_LT(gap(ours[i], exact[i]), 1e-12) << i;
  const auto single = slopes(joint, inputs, at::kFloat);
  for (size_t i = 0; i < exact.size(); ++i) EXPECT_LT(gap(single[i], exact[i]), 1e-5) << i;
}

}  // namespace
}  // namespace graft::nn
