#pragma once

#include <cstdint>

#include "graft/base/simd.h"
#include "graft/nn/stored.h"

namespace graft::nn {

/// What a normalised value is clamped to: relu's bounds are 0 and infinity, relu6's 0 and 6.
struct Bounds {
  float low, high;
};

/// The innermost loops of a batch norm: `lines` lines of `n` neighbouring numbers, line after line;
/// numbers by channel (scale, mean, sums …) have n entries too. See NormKernels for the meaning.
template <typename Type>
struct NormLines {
  using T = typename Type::Stored;
  /// sum += x
  void (*add)(const T* x, int64_t lines, int64_t n, float* sum);
  /// squares += (x - mean)^2
  void (*add_squares)(const T* x, int64_t lines, int64_t n, const float* mean, float* squares);
  void (*forward)(const T* x, const T* residual, int64_t lines, int64_t n, const float* scale,
                  const float* shift, Bounds bounds, T* y);
  void (*backward_sums)(const T* g, const T* x, const T* y, int64_t lines, int64_t n,
                        const float* scale, const float* shift, const float* mean, Bounds bounds,
                        float* sum, float* sum_x);
  void (*backward)(const T* g, const T* x, const T* y, int64_t lines, int64_t n, const float* scale,
                   const float* shift, Bounds bounds, const float* a, const float* b,
                   const float* c, T* dx, T* kept);
};

/// The loops for a level of vector instructions; results agree to the last bits but not bit by bit.
template <typename Type>
const NormLines<Type>& norm_lines(Simd level = simd_level());

}  // namespace graft::nn
