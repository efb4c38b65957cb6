#pragma once

#include <cstdint>
#include <vector>

#include "graft/image/resize.h"

namespace graft::image::detail {

/// Fraction bits of the weights: 8 bits of result, 2 for filters that leave [0, 1], one sign.
inline constexpr int kWeightBits = 22;

/// For each output position, which inputs it sums and with what weights.
struct Weights {
  int taps = 0;                  ///< weights stored for each output, an even number
  std::vector<int> first;        ///< the first input
  std::vector<int> count;        ///< how many inputs, at most taps
  std::vector<int32_t> weights;  ///< outputs x taps, zeros behind count

  int begin() const { return first.front(); }
  int end() const { return first.back() + count.back(); }
};

/// Weights of the outputs [from, from + n) when `in` positions become `out`. Not for nearest.
Weights make_weights(int in, int out, int from, int n, Filter filter);

}  // namespace graft::image::detail
