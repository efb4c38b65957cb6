#pragma once

#include <cstdint>

namespace graft {

// Products of bfloat16 matrices with sums in float32, for loops whose tiles are too small for
// LibTorch's own. Numbers lie two by two in 32 bits, the first in the lower half, as processors
// with AVX512-BF16 multiply them; the pairs run along the dimension that is summed over.

/// True when this processor multiplies pairs; else the same is computed number by number.
bool has_pair_gemm();

/// The first operand: pair p of row i is pairs[i * row + p * step], so that either it or its
/// transpose can be taken.
struct PairOperand {
  const uint32_t* pairs;
  int64_t row, step = 1;
};

/// c [m, n] = a b, or c += a b, with a [m, pairs] and b [pairs, n], whose pair p of column j is
/// b[p * b_step + j]. On the calling thread.
void pair_gemm(int64_t m, int64_t n, int64_t pairs, PairOperand a, const uint32_t* b,
               int64_t b_step, bool add, float* c, int64_t c_stride);

/// Floats to bfloat16 (to nearest, ties to even): neighbours become a pair; the last has a zero
/// beside it where n is odd. `to` has (n + 1) / 2 pairs.
void pair_neighbours(const float* from, int64_t n, uint32_t* to);
/// Two rows of n numbers become n pairs; `second` may be null: zeros.
void pair_rows(const float* first, const float* second, int64_t n, uint32_t* to);
void pair_rows(const uint16_t* first, const uint16_t* second, int64_t n, uint32_t* to);
/// Pairs of neighbours of `rows` rows of bfloat16, by columns: to[p * to_step + r] is pair p of
/// row r.
void pair_transposed(const uint16_t* from, int64_t stride, int64_t rows, int64_t pairs,
                     uint32_t* to, int64_t to_step);

}  // namespace graft
