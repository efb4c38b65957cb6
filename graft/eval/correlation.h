#pragma once

#include <vector>

namespace graft::eval {

/// Pearson's correlation; 0 where one of the two is constant.
double correlation(const std::vector<double>& a, const std::vector<double>& b);
/// Position of each value among all, from 1; equal values share the mean of theirs.
std::vector<double> ranks(const std::vector<double>& values);

}  // namespace graft::eval
