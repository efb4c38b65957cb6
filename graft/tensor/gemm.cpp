#include "graft/tensor/gemm.h"

#include <dlfcn.h>
#include <torch/types.h>

namespace graft {
namespace {

using Sgemm = void (*)(const char* trans_a, const char* trans_b, const int* m, const int* n,
                       const int* k, const float* alpha, const float* a, const int* lda,
                       const float* b, const int* ldb, const float* beta, float* c, const int* ldc);

/// A view of an operand for LibTorch's own product.
at::Tensor view(GemmOperand x, int64_t rows, int64_t columns) {
  auto* data = const_cast<float*>(x.data);
  const std::vector<int64_t> sizes =
      x.transposed ? std::vector{columns, rows} : std::vector{rows, columns};
  const at::Tensor t = at::from_blob(data, sizes, {x.stride, 1}, at::kFloat);
  return x.transposed ? t.t() : t;
}

}  // namespace

void gemm(int64_t m, int64_t n, int64_t k, float alpha, GemmOperand a, GemmOperand b, float beta,
          float* c, int64_t c_stride) {
  if (m == 0 || n == 0) return;
  static const auto sgemm = reinterpret_cast<Sgemm>(::dlsym(RTLD_DEFAULT, "sgemm_"));
  if (!sgemm || k == 0) {
    const at::NoGradGuard no_grad;
    at::Tensor out = at::from_blob(c, {m, n}, {c_stride, 1}, at::kFloat);
    if (beta == 0)
      out.zero_();
    else
      out.mul_(beta);
    if (k > 0) out.add_(view(a, m, k).mm(view(b, k, n)), alpha);
    return;
  }
  // The BLAS counts by columns: c^T = b^T a^T.
  const char flag_a = a.transposed ? 'T' : 'N';
  const char flag_b = b.transposed ? 'T' : 'N';
  const auto m32 = static_cast<int>(m);
  const auto n32 = static_cast<int>(n);
  const auto k32 = static_cast<int>(k);
  const auto a_stride = static_cast<int>(a.stride);
  const auto b_stride = static_cast<int>(b.stride);
  const auto c_stride32 = static_cast<int>(c_stride);
  sgemm(&flag_b, &flag_a, &n32, &m32, &k32, &alpha, b.data, &b_stride, a.data, &a_stride, &beta, c,
        &c_stride32);
}

}  // namespace graft
