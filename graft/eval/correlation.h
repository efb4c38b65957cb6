#pragma once

#include <vector>

#include "graft/eval/predictions.h"

namespace graft::eval {

/// What is true of some samples of a regression, and what was said.
struct Numbers {
  std::vector<double> truth, said;
};
Numbers numbers_of(const Predictions& p, const std::vector<int64_t>& samples);

/// Pearson's correlation; 0 where one of the two is constant.
double correlation(const std::vector<double>& a, const std::vector<double>& b);
/// Position of each value among all, from 1; equal values share the mean of theirs.
std::vector<double> ranks(const std::vector<double>& values);

}  // namespace graft::eval
