#pragma once

#include "graft/nn/norm_lines.h"

namespace graft::nn {

/// Passes of a batch norm, and of the residual and the clamp behind it, over `rows` pixels of
/// `channels` neighbouring numbers (channels-last). They go over fixed blocks of rows, so results
/// do not depend on the number of threads.
template <typename Type>
class NormKernels {
 public:
  using T = typename Type::Stored;
  NormKernels(int64_t rows, int64_t channels, Simd level = simd_level());

  /// Mean and sum of squared distances from it, by channel; x is read from memory once.
  void moments(const T* x, float* mean, float* squares) const;
  /// y = clamp(x * scale + shift + residual); `residual` may be null.
  void forward(const T* x, const T* residual, const float* scale, const float* shift, Bounds bounds,
               T* y) const;
  /// Where the clamp acted nothing remains of g; what remains is summed by channel, alone and times
  /// (x - mean). `y` is the clamped output where there was a residual, else null.
  void backward_sums(const T* g, const T* x, const T* y, const float* scale, const float* shift,
                     const float* mean, Bounds bounds, float* sum, float* sum_x) const;
  /// dx = (what remains of g) * a + x * b + c, by channel; with `y`, what remains of g itself, the
  /// residual's gradient, goes to `kept`.
  void backward(const T* g, const T* x, const T* y, const float* scale, const float* shift,
                Bounds bounds, const float* a, const float* b, const float* c, T* dx,
                T* kept) const;

 private:
  struct Walk;
  int64_t rows_, channels_;
  const NormLines<Type>& lines_;
};

}  // namespace graft::nn
