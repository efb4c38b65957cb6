#include "graft/nn/gather_rows.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace graft::nn {
namespace {

at::Tensor numbers(at::IntArrayRef sizes, uint64_t seed, at::ScalarType type) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kDouble).to(type);
}

class GatherRows : public testing::TestWithParam<at::ScalarType> {};

TEST_P(GatherRows, TakesRowsAndAddsTheirGradients) {
  // 900 of 40 rows: enough for threads; one row is never taken.
  const at::Tensor rows = at::randint(39, {900}, at::detail::createCPUGenerator(1), at::kLong);
  const at::Tensor wide = numbers({40, 300}, 2, GetParam());
  // Also the columns of something wider, as k and v are of one product.
  for (const at::Tensor& x : {wide, wide.narrow(1, 20, 100)}) {
    at::Tensor leaf = x.detach().set_requires_grad(true);
    const at::Tensor taken = gather_rows(leaf, rows);
    EXPECT_TRUE(at::equal(taken, x.index_select(0, rows)));
    const at::Tensor g = numbers(taken.sizes(), 3, GetParam());
    taken.backward(g);
    const at::Tensor sums =
        at::zeros({40, x.size(1)}, at::kDouble).index_add(0, rows, g.to(at::kDouble));
    const at::Tensor found = leaf.grad().to(at::kDouble);
    // Of bfloat16 one rounding of the sum.
    const double rounding = GetParam() == at::kBFloat16 ? 1.0 / 256 : 1e-5;
    EXPECT_LT(((found - sums).abs() / (sums.abs() + 1)).max().item<double>(), rounding);
    EXPECT_EQ(leaf.grad()[39].abs().max().item<double>(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, GatherRows, testing::Values(at::kFloat, at::kBFloat16, at::kDouble),
                         [](const auto& one) { return std::string(c10::toString(one.param)); });

}  // namespace
}  // namespace graft::nn
