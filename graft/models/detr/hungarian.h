#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace graft::models {

/// Costs of giving columns to rows, row by row. All must be finite.
struct CostMatrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> costs;  ///< [rows x columns]
  double& at(int64_t row, int64_t column) {
    return costs[static_cast<size_t>(row * columns + column)];
  }
};

/// A row and the column that was given to it.
struct RowColumn {
  int64_t row, column;
  bool operator==(const RowColumn&) const = default;
};

/// The cheapest way to pair min(rows, columns) rows and columns, by ascending row, as
/// scipy.optimize.linear_sum_assignment pairs them: shortest augmenting paths (Jonker and Volgenant
/// 1987) for rectangles (Crouse 2016, doi:10.1109/TAES.2016.140952), O(n^3).
std::vector<RowColumn> assign(const CostMatrix& matrix);

}  // namespace graft::models
