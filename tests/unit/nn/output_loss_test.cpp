#include "graft/nn/output_loss.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/nn/embedding.h"

namespace graft::nn {
namespace {

at::Tensor numbers(at::IntArrayRef sizes, uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kFloat) * 0.5;
}

/// W x + s b a x, where layers may know of it or not.
class Update final : public Adapter {
 public:
  Update(at::Tensor a, at::Tensor b, bool known, double dropout = 0)
      : a_(std::move(a)), b_(std::move(b)), known_(known), dropout_(dropout) {}
  at::Tensor output(const at::Tensor& x, const at::Tensor& y) override {
    return y + at::linear(at::linear(x, a_), b_) * kScale;
  }
  std::optional<LowRank> low_rank() const override {
    if (!known_) return std::nullopt;
    return LowRank{a_, b_, kScale, dropout_};
  }
  void merge(at::Tensor& weight, at::Tensor&) const override { weight.add_(b_.mm(a_), kScale); }
  std::vector<NamedTensor> parameters() override { return {{"a", &a_}, {"b", &b_}}; }
  double flops(double positions) const override { return positions; }
  std::string method() const override { return "update"; }
  static constexpr double kScale = 1.5;

 private:
  at::Tensor a_, b_;
  bool known_;
  double dropout_;
};

constexpr int64_t kRows = 50, kWidth = 8, kRank = 3;

struct Problem {
  explicit Problem(int64_t vocabulary)
      : table(Scope(registry, "words", 0), vocabulary, kWidth),
        output(Scope(registry, "lm_head", 1), table),
        x(numbers({kRows, kWidth}, 1).set_requires_grad(true)),
        a(numbers({kRank, kWidth}, 2).set_requires_grad(true)),
        b(numbers({vocabulary, kRank}, 3).set_requires_grad(true)),
        targets(at::randint(vocabulary, {kRows}, at::detail::createCPUGenerator(4), at::kLong)) {
    table.weight().copy_(numbers({vocabulary, kWidth}, 5));
    targets.masked_fill_(at::arange(kRows).remainder(3).eq(0), -100);
  }
  /// By the whole logits of the merged matrix.
  at::Tensor plain(double cap) const {
    const at::Tensor merged = output.weight() + b.mm(a) * Update::kScale;
    at::Tensor logits = at::linear(x, merged);
    if (cap > 0) logits = (logits / cap).tanh() * cap;
    const at::Tensor learned = targets.ge(0).nonzero().squeeze(1);
    return at::cross_entropy_loss(logits.index_select(0, learned), targets.index_select(0, learned),
                                  {}, at::Reduction::None);
  }
  Registry registry;
  Embedding table;
  Linear output;
  at::Tensor x, a, b, targets;
};

class OutputLoss : public testing::TestWithParam<bool> {};

TEST_P(OutputLoss, OfAnAdaptedMatrixIsThatOfTheMergedOne) {
  for (const int64_t vocabulary : {11, 90000}) {  // one part, and several
    for (const double cap : {0.0, 4.0}) {
      for (const bool weighted : {false, true}) {
        SCOPED_TRACE(fmt::format("{} {} {}", vocabulary, cap, weighted));
        const Problem theirs(vocabulary);
        Problem ours(vocabulary);
        ours.output.attach(std::make_shared<Update>(ours.a, ours.b, GetParam()));
        const at::Tensor expected = theirs.plain(cap);
        const TokenLoss loss = output_loss(ours.output, ours.x, ours.targets, cap, Context{});
        EXPECT_TRUE(at::allclose(loss.losses, expected, 1e-4, 1e-5));
        EXPECT_NEAR(loss.sum.item<double>(), expected.sum().item<double>(), 1e-3);
        const at::Tensor factors = at::arange(expected.size(0)).remainder(4).to(at::kFloat) - 1;
        if (weighted) {
          (expected * factors).sum().backward();
          (loss.losses * factors).sum().backward();
        } else {
          (expected.sum() / 3).backward();
          (loss.sum / 3).backward();
        }
        for (const auto& [mine, other] : {std::pair{ours.x, theirs.x}, std::pair{ours.a, theirs.a},
                                          std::pair{ours.b, theirs.b}})
          EXPECT_TRUE(at::allclose(mine.grad(), other.grad(), 1e-4, 1e-5));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Adapters, OutputLoss, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "low_rank" : "any"; });

TEST(OutputLoss, DropsOfTheUpdatesInputInTrainingOnly) {
  Problem p(11);
  p.output.attach(std::make_shared<Update>(p.a, p.b, true, 0.5));
  Context context;
  const auto sum = [&] { return output_loss(p.output, p.x, p.targets, 0, context).sum; };
  const double still = sum().item<double>();
  EXPECT_NEAR(still, p.plain(0).sum().item<double>(), 1e-4);
  context.training = true;
  context.generator = at::detail::createCPUGenerator(1);
  const double first = sum().item<double>();
  EXPECT_NE(first, still);
  EXPECT_NE(sum().item<double>(), first);
}

TEST(TiedOutput, IsTheTableAndHasNoTensorOfItsOwn) {
  Problem p(11);
  EXPECT_EQ(p.registry.parameters.size(), 1U);
  EXPECT_EQ(p.registry.seams.size(), 2U);
  EXPECT_TRUE(p.output.weight().is_same(p.table.weight()));
  EXPECT_EQ(p.output.site().path, "lm_head");
  EXPECT_TRUE(at::equal(p.output(p.x), at::linear(p.x, p.table.weight())));
  const at::Tensor other = at::zeros({11, kWidth});
  p.table.weight() = other;  // as moving to another device does
  EXPECT_EQ(p.output(p.x).abs().max().item<float>(), 0);
}

}  // namespace
}  // namespace graft::nn
