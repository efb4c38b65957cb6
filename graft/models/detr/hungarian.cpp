#include "graft/models/detr/hungarian.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graft/base/error.h"

namespace graft::models {
namespace {

constexpr int64_t kNone = -1;

/// Assigns each row a column; there are at least as many columns as rows. Names are those of Crouse
/// 2016: u and v are the dual variables of rows and columns.
class ShortestPaths {
 public:
  explicit ShortestPaths(const CostMatrix& matrix)
      : m_(matrix),
        u_(count(m_.rows), 0.0),
        v_(count(m_.columns), 0.0),
        shortest_(count(m_.columns)),
        path_(count(m_.columns)),
        column_of_(count(m_.rows), kNone),
        row_of_(count(m_.columns), kNone) {
    for (int64_t row = 0; row < m_.rows; ++row) add(row);
  }

  const std::vector<int64_t>& columns() const { return column_of_; }

 private:
  static size_t count(int64_t n) { return static_cast<size_t>(n); }

  /// Finds the cheapest path from a free row to a free column and flips it.
  void add(int64_t start) {
    const int64_t sink = search(start);
    u_[count(start)] += length_;
    for (const int64_t row : seen_rows_) {
      if (row != start) u_[count(row)] += length_ - shortest_[count(column_of_[count(row)])];
    }
    for (const int64_t column : seen_columns_)
      v_[count(column)] -= length_ - shortest_[count(column)];
    for (int64_t column = sink; column != kNone;) {
      const int64_t row = path_[count(column)];
      row_of_[count(column)] = row;
      std::swap(column_of_[count(row)], column);
      if (row == start) break;
    }
  }

  /// Dijkstra's search over reduced costs; returns the free column that it ends with.
  int64_t search(int64_t start) {
    constexpr double kFar = std::numeric_limits<double>::infinity();
    std::ranges::fill(shortest_, kFar);
    seen_rows_.clear();
    seen_columns_.clear();
    open_.resize(count(m_.columns));
    // From the last on: where costs are equal, rows get columns in their order.
    for (size_t k = 0; k < open_.size(); ++k) open_[k] = m_.columns - 1 - static_cast<int64_t>(k);
    length_ = 0;
    for (int64_t row = start;;) {
      seen_rows_.push_back(row);
      const double* costs = m_.costs.data() + row * m_.columns;
      size_t best = 0;
      double least = kFar;
      for (size_t k = 0; k < open_.size(); ++k) {
        const size_t column = count(open_[k]);
        const double through = length_ + costs[column] - u_[count(row)] - v_[column];
        if (through < shortest_[column]) {
          shortest_[column] = through;
          path_[column] = row;
        }
        // Of equals, a free column ends the search.
        if (shortest_[column] < least || (shortest_[column] == least && row_of_[column] == kNone)) {
          least = shortest_[column];
          best = k;
        }
      }
      GRAFT_ASSERT(std::isfinite(least));
      length_ = least;
      const int64_t column = open_[best];
      open_[best] = open_.back();
      open_.pop_back();
      seen_columns_.push_back(column);
      row = row_of_[count(column)];
      if (row == kNone) return column;
    }
  }

  const CostMatrix& m_;
  std::vector<double> u_, v_, shortest_;
  std::vector<int64_t> path_, column_of_, row_of_;
  std::vector<int64_t> open_, seen_rows_, seen_columns_;
  double length_ = 0;
};

CostMatrix transposed(const CostMatrix& m) {
  CostMatrix t{m.columns, m.rows, std::vector<double>(m.costs.size())};
  for (int64_t r = 0; r < m.rows; ++r) {
    for (int64_t c = 0; c < m.columns; ++c)
      t.at(c, r) = m.costs[static_cast<size_t>(r * m.columns + c)];
  }
  return t;
}

}  // namespace

std::vector<RowColumn> assign(const CostMatrix& matrix) {
  GRAFT_ASSERT(matrix.costs.size() == static_cast<size_t>(matrix.rows * matrix.columns));
  const bool tall = matrix.columns < matrix.rows;
  const CostMatrix turned = tall ? transposed(matrix) : CostMatrix();
  const ShortestPaths paths(tall ? turned : matrix);
  std::vector<RowColumn> pairs;
  for (size_t i = 0; i < paths.columns().size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const int64_t column = paths.columns()[i];
    pairs.push_back(tall ? RowColumn{column, row} : RowColumn{row, column});
  }
  std::ranges::sort(pairs, {}, &RowColumn::row);
  return pairs;
}

}  // namespace graft::models
