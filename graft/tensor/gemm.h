#pragma once

#include <cstdint>

namespace graft {

/// One operand of a product: row-major, `stride` floats from row to row; `transposed` where the
/// product takes its transpose.
struct GemmOperand {
  const float* data;
  int64_t stride;
  bool transposed = false;
};

/// c [m, n] = alpha a b + beta c, with a [m, k] and b [k, n] after transposition, by the BLAS that
/// LibTorch brings. On the calling thread where that is one of several that run the same loop
/// (tensor/parallel.h).
void gemm(int64_t m, int64_t n, int64_t k, float alpha, GemmOperand a, GemmOperand b, float beta,
          float* c, int64_t c_stride);

}  // namespace graft
