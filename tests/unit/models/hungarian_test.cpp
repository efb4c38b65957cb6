#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "graft/base/json.h"
#include "graft/base/rng.h"
#include "graft/models/detr/hungarian.h"
#include "tests/unit/models/detection_golden.h"

namespace graft::models::test {
namespace {

double total(const CostMatrix& matrix, const std::vector<RowColumn>& pairs) {
  double sum = 0;
  for (const auto& [row, column] : pairs)
    sum += matrix.costs[static_cast<size_t>(row * matrix.columns + column)];
  return sum;
}

/// Every row and column at most once, by ascending row, as many as possible.
void expect_assignment(const CostMatrix& matrix, const std::vector<RowColumn>& pairs) {
  std::set<int64_t> rows, columns;
  for (const auto& [row, column] : pairs) {
    EXPECT_TRUE(rows.insert(row).second);
    EXPECT_TRUE(columns.insert(column).second);
    EXPECT_LT(row, matrix.rows);
    EXPECT_LT(column, matrix.columns);
  }
  EXPECT_EQ(static_cast<int64_t>(pairs.size()), std::min(matrix.rows, matrix.columns));
  EXPECT_TRUE(std::ranges::is_sorted(pairs, {}, &RowColumn::row));
}

TEST(Hungarian, AsScipyAssigns) {
  const Json cases = read_json(detection_golden() / "assignments.json", 1 << 20);
  ASSERT_GT(cases.size(), 30U);
  for (const Json& one : cases) {
    const CostMatrix matrix{one["rows"], one["columns"], one["costs"].get<std::vector<double>>()};
    std::vector<RowColumn> expected;
    for (const Json& pair : one["pairs"]) expected.push_back({pair[0], pair[1]});
    const auto pairs = assign(matrix);
    expect_assignment(matrix, pairs);
    EXPECT_EQ(total(matrix, pairs), total(matrix, expected)) << one.dump();
    if (one["kind"] == "real") EXPECT_EQ(pairs, expected) << one.dump();
  }
}

/// The least total of all ways to give rows distinct columns.
double by_trying(const CostMatrix& matrix) {
  std::vector<int64_t> order(static_cast<size_t>(std::max(matrix.rows, matrix.columns)));
  std::iota(order.begin(), order.end(), 0);
  double best = 1e300;
  do {
    double sum = 0;
    for (int64_t r = 0; r < matrix.rows; ++r) {
      const int64_t c = order[static_cast<size_t>(r)];
      if (c < matrix.columns) sum += matrix.costs[static_cast<size_t>(r * matrix.columns + c)];
    }
    best = std::min(best, sum);
  } while (std::ranges::next_permutation(order).found);
  return best;
}

TEST(Hungarian, NothingIsCheaper) {
  Rng rng{11};
  for (int round = 0; round < 60; ++round) {
    CostMatrix matrix{
        1 + static_cast<int64_t>(rng.below(6)), 1 + static_cast<int64_t>(rng.below(6)), {}};
    for (int64_t i = 0; i < matrix.rows * matrix.columns; ++i)
      matrix.costs.push_back(static_cast<double>(rng.below(2000)) / 100 - 15);
    const auto pairs = assign(matrix);
    expect_assignment(matrix, pairs);
    EXPECT_NEAR(total(matrix, pairs), by_trying(matrix), 1e-9);
  }
}

}  // namespace
}  // namespace graft::models::test
