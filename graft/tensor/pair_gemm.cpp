#include "graft/tensor/pair_gemm.h"

#include <c10/util/BFloat16.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "graft/tensor/device.h"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of the header: vectors of any content
#endif
#include <immintrin.h>
#define GRAFT_PAIRS __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#endif

namespace graft {
namespace {

uint32_t rounded(float x) {
  return c10::detail::round_to_nearest_even(x);
}

float low(uint32_t pair) {
  return std::bit_cast<float>(pair << 16);
}
float high(uint32_t pair) {
  return std::bit_cast<float>(pair & 0xFFFF0000U);
}

void gemm_by_numbers(int64_t m, int64_t n, int64_t pairs, PairOperand a, const uint32_t* b,
                     int64_t b_step, bool add, float* c, int64_t c_stride) {
  for (int64_t i = 0; i < m; ++i) {
    float* row = c + i * c_stride;
    if (!add) std::fill_n(row, n, 0.0F);
    for (int64_t p = 0; p < pairs; ++p) {
      const uint32_t x = a.pairs[i * a.row + p * a.step];
      for (int64_t j = 0; j < n; ++j) {
        const uint32_t y = b[p * b_step + j];
        row[j] += low(x) * low(y) + high(x) * high(y);
      }
    }
  }
}

#if defined(__x86_64__)

constexpr int64_t kLanes = 16;
constexpr int64_t kRows = 8;  // with two vectors of columns: sixteen sums in registers

GRAFT_PAIRS __mmask16 mask_of(int64_t n) {
  return static_cast<__mmask16>(n >= kLanes ? 0xFFFF : (1U << std::max<int64_t>(n, 0)) - 1U);
}

/// `Rows` rows and up to 32 columns of c.
template <int64_t Rows>
GRAFT_PAIRS void tile(int64_t n, int64_t pairs, PairOperand a, const uint32_t* b, int64_t b_step,
                      bool add, float* c, int64_t c_stride) {
  const __mmask16 masks[2] = {mask_of(n), mask_of(n - kLanes)};
  __m512 sums[Rows][2];
  for (int64_t i = 0; i < Rows; ++i) {
    for (int64_t v = 0; v < 2; ++v)
      sums[i][v] = add ? _mm512_maskz_loadu_ps(masks[v], c + i * c_stride + v * kLanes)
                       : _mm512_setzero_ps();
  }
  for (int64_t p = 0; p < pairs; ++p) {
    const auto right = [&](int64_t v) GRAFT_PAIRS {
      return reinterpret_cast<__m512bh>(
          _mm512_maskz_loadu_epi32(masks[v], b + p * b_step + v * kLanes));
    };
    const __m512bh right0 = right(0);
    const __m512bh right1 = right(1);
    for (int64_t i = 0; i < Rows; ++i) {
      const auto left = reinterpret_cast<__m512bh>(
          _mm512_set1_epi32(static_cast<int>(a.pairs[i * a.row + p * a.step])));
      sums[i][0] = _mm512_dpbf16_ps(sums[i][0], left, right0);
      sums[i][1] = _mm512_dpbf16_ps(sums[i][1], left, right1);
    }
  }
  for (int64_t i = 0; i < Rows; ++i) {
    for (int64_t v = 0; v < 2; ++v)
      _mm512_mask_storeu_ps(c + i * c_stride + v * kLanes, masks[v], sums[i][v]);
  }
}

template <int64_t Rows>
void rest(int64_t rows, int64_t n, int64_t pairs, PairOperand a, const uint32_t* b, int64_t b_step,
          bool add, float* c, int64_t c_stride) {
  if constexpr (Rows > 0) {
    if (rows == Rows)
      tile<Rows>(n, pairs, a, b, b_step, add, c, c_stride);
    else
      rest<Rows - 1>(rows, n, pairs, a, b, b_step, add, c, c_stride);
  }
}

void gemm_by_pairs(int64_t m, int64_t n, int64_t pairs, PairOperand a, const uint32_t* b,
                   int64_t b_step, bool add, float* c, int64_t c_stride) {
  // All rows of a pass by the same columns of b, which stay in the nearest cache.
  for (int64_t j = 0; j < n; j += 2 * kLanes) {
    for (int64_t i = 0; i < m; i += kRows) {
      const PairOperand rows{a.pairs + i * a.row, a.row, a.step};
      rest<kRows>(std::min(kRows, m - i), n - j, pairs, rows, b + j, b_step, add,
                  c + i * c_stride + j, c_stride);
    }
  }
}

GRAFT_PAIRS void neighbours(const float* from, int64_t n, uint32_t* to) {
  for (int64_t i = 0; i < n; i += 2 * kLanes) {
    const __m512 first = _mm512_maskz_loadu_ps(mask_of(n - i), from + i);
    const __m512 second = _mm512_maskz_loadu_ps(mask_of(n - i - kLanes), from + i + kLanes);
    const auto both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
    _mm512_mask_storeu_epi32(to + i / 2, mask_of((n - i + 1) / 2), both);
  }
}

GRAFT_PAIRS __m512i wide(__m256i halves) {
  return _mm512_cvtepu16_epi32(halves);
}

GRAFT_PAIRS void rows_of_floats(const float* first, const float* second, int64_t n, uint32_t* to) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const __mmask16 mask = mask_of(n - i);
    const auto half = [&](const float* from) GRAFT_PAIRS {
      const __m512 x = from ? _mm512_maskz_loadu_ps(mask, from + i) : _mm512_setzero_ps();
      return wide(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
    };
    const __m512i pairs = _mm512_or_si512(half(first), _mm512_slli_epi32(half(second), 16));
    _mm512_mask_storeu_epi32(to + i, mask, pairs);
  }
}

GRAFT_PAIRS void rows_of_halves(const uint16_t* first, const uint16_t* second, int64_t n,
                                uint32_t* to) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const __mmask16 mask = mask_of(n - i);
    const auto half = [&](const uint16_t* from) GRAFT_PAIRS {
      return from ? wide(_mm256_maskz_loadu_epi16(mask, from + i)) : _mm512_setzero_si512();
    };
    const __m512i pairs = _mm512_or_si512(half(first), _mm512_slli_epi32(half(second), 16));
    _mm512_mask_storeu_epi32(to + i, mask, pairs);
  }
}

#endif

}  // namespace

bool has_pair_gemm() {
  static const bool has = cpu_has_bfloat16();
  return has;
}

void pair_gemm(int64_t m, int64_t n, int64_t pairs, PairOperand a, const uint32_t* b,
               int64_t b_step, bool add, float* c, int64_t c_stride) {
#if defined(__x86_64__)
  if (has_pair_gemm()) return gemm_by_pairs(m, n, pairs, a, b, b_step, add, c, c_stride);
#endif
  gemm_by_numbers(m, n, pairs, a, b, b_step, add, c, c_stride);
}

void pair_neighbours(const float* from, int64_t n, uint32_t* to) {
#if defined(__x86_64__)
  if (has_pair_gemm()) return neighbours(from, n, to);
#endif
  for (int64_t i = 0; i < n; i += 2)
    to[i / 2] = rounded(from[i]) | (i + 1 < n ? rounded(from[i + 1]) << 16 : 0);
}

void pair_rows(const float* first, const float* second, int64_t n, uint32_t* to) {
#if defined(__x86_64__)
  if (has_pair_gemm()) return rows_of_floats(first, second, n, to);
#endif
  for (int64_t i = 0; i < n; ++i)
    to[i] = rounded(first[i]) | (second ? rounded(second[i]) << 16 : 0);
}

void pair_rows(const uint16_t* first, const uint16_t* second, int64_t n, uint32_t* to) {
#if defined(__x86_64__)
  if (has_pair_gemm()) return rows_of_halves(first, second, n, to);
#endif
  for (int64_t i = 0; i < n; ++i)
    to[i] = first[i] | (second ? static_cast<uint32_t>(second[i]) << 16 : 0);
}

void pair_transposed(const uint16_t* from, int64_t stride, int64_t rows, int64_t pairs,
                     uint32_t* to, int64_t to_step) {
  for (int64_t p = 0; p < pairs; ++p) {
    for (int64_t r = 0; r < rows; ++r)
      std::memcpy(to + p * to_step + r, from + r * stride + 2 * p, sizeof(uint32_t));
  }
}

}  // namespace graft
