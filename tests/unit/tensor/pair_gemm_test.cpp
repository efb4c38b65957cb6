#include "graft/tensor/pair_gemm.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <limits>

namespace graft {
namespace {

at::Tensor halves(int64_t rows, int64_t columns, uint64_t seed) {
  return at::randn({rows, columns}, at::detail::createCPUGenerator(seed), at::kFloat)
      .to(at::kBFloat16);
}

const uint16_t* bits(const at::Tensor& t, int64_t row) {
  return reinterpret_cast<const uint16_t*>(t.const_data_ptr<at::BFloat16>()) + row * t.stride(0);
}

/// Pairs of neighbouring rows, the last with zeros where their number is odd.
std::vector<uint32_t> by_rows(const at::Tensor& t) {
  std::vector<uint32_t> pairs(static_cast<size_t>((t.size(0) + 1) / 2 * t.size(1)));
  for (int64_t r = 0; r < t.size(0); r += 2)
    pair_rows(bits(t, r), r + 1 < t.size(0) ? bits(t, r + 1) : nullptr, t.size(1),
              pairs.data() + r / 2 * t.size(1));
  return pairs;
}

/// Pairs along the rows of [m, k], by columns: transposed it is what pair_gemm sums over.
std::vector<uint32_t> by_columns(const at::Tensor& t, int64_t step) {
  std::vector<uint32_t> pairs(static_cast<size_t>(t.size(1) / 2 * step));
  pair_transposed(bits(t, 0), t.stride(0), t.size(0), t.size(1) / 2, pairs.data(), step);
  return pairs;
}

TEST(PairGemm, EqualsTheProductOfFloats) {
  for (const auto& [m, n, k] :
       {std::tuple{1, 1, 1}, {8, 32, 64}, {9, 33, 7}, {64, 50, 64}, {5, 16, 2}, {70, 100, 31}}) {
    const at::Tensor a = halves(m, k, 1);
    const at::Tensor b = halves(k, n, 2);
    const at::Tensor expected = a.to(at::kFloat).mm(b.to(at::kFloat));
    const std::vector<uint32_t> right = by_rows(b);
    const int64_t pairs = (k + 1) / 2;
    // The first operand as rows, and as the transpose of a by columns.
    std::vector<uint32_t> rows(static_cast<size_t>(m * pairs));
    const at::Tensor floats = a.to(at::kFloat);
    for (int64_t i = 0; i < m; ++i)
      pair_neighbours(floats.const_data_ptr<float>() + i * k, k, rows.data() + i * pairs);
    const std::vector<uint32_t> columns = by_rows(a.t().contiguous());
    for (const PairOperand& left : {PairOperand{rows.data(), pairs}, {columns.data(), 1, m}}) {
      const at::Tensor wide = at::full({m, n + 3}, 7.0F);
      auto* c = wide.data_ptr<float>();
      pair_gemm(m, n, pairs, left, right.data(), n, false, c, n + 3);
      EXPECT_TRUE(at::allclose(wide.narrow(1, 0, n), expected, 1e-5, 1e-5)) << m << n << k;
      pair_gemm(m, n, pairs, left, right.data(), n, true, c, n + 3);
      EXPECT_TRUE(at::allclose(wide.narrow(1, 0, n), 2 * expected, 1e-5, 1e-5)) << m << n << k;
      EXPECT_TRUE((wide.narrow(1, n, 3) == 7).all().item<bool>()) << "written beside the result";
    }
  }
}

TEST(PairGemm, TransposedPairsSumAlongTheRowsOfBoth) {
  const at::Tensor a = halves(20, 64, 3);
  const at::Tensor b = halves(37, 64, 4);
  const std::vector<uint32_t> right = by_columns(b, 48);
  const at::Tensor c = at::empty({20, 37});
  pair_gemm(20, 37, 32, {reinterpret_cast<const uint32_t*>(bits(a, 0)), 32}, right.data(), 48,
            false, c.data_ptr<float>(), 37);
  EXPECT_TRUE(at::allclose(c, a.to(at::kFloat).mm(b.to(at::kFloat).t()), 1e-5, 1e-5));
}

TEST(PairGemm, NumbersAreRoundedAsLibTorchRoundsThem) {
  const float inf = std::numeric_limits<float>::infinity();
  const at::Tensor x = at::cat({at::randn({41}, at::detail::createCPUGenerator(5), at::kFloat),
                                at::tensor({0.0F, -0.0F, inf, -inf, 1.00390625F, 1.01171875F})});
  const at::Tensor expected = x.to(at::kBFloat16);
  std::vector<uint32_t> pairs(24, 0xFFFFFFFFU);
  pair_neighbours(x.const_data_ptr<float>(), 47, pairs.data());
  for (int64_t i = 0; i < 48; ++i) {
    const uint32_t found = pairs[static_cast<size_t>(i / 2)] >> (i % 2 * 16) & 0xFFFFU;
    EXPECT_EQ(found, i < 47 ? bits(expected, 0)[i] : 0U) << i;
  }
  std::vector<uint32_t> rows(47);
  pair_rows(x.const_data_ptr<float>(), nullptr, 47, rows.data());
  for (int64_t i = 0; i < 47; ++i) EXPECT_EQ(rows[static_cast<size_t>(i)], bits(expected, 0)[i]);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  pair_neighbours(&nan, 1, pairs.data());
  EXPECT_EQ(pairs[0] & 0x7F80U, 0x7F80U);
  EXPECT_NE(pairs[0] & 0x7FU, 0U);
}

}  // namespace
}  // namespace graft
