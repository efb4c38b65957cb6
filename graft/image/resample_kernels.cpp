#include "graft/image/resample_kernels.h"

#include <algorithm>
#include <cstring>

// The kernels are compiled twice on x86-64: for every machine, and for those with AVX2.
#if defined(__x86_64__)
#define GRAFT_AVX2_KERNELS 1
#else
#define GRAFT_AVX2_KERNELS 0
#endif
#define GRAFT_INLINE inline __attribute__((always_inline))

namespace graft::image::detail {
namespace {

using Bytes8 = uint8_t __attribute__((vector_size(8)));
using Ints8 = int32_t __attribute__((vector_size(32)));

constexpr int32_t kHalf = 1 << (kWeightBits - 1);

GRAFT_INLINE uint8_t to_byte(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

constexpr int kLanes = 8;

/// Each pair of taps as the multipliers of two neighbouring RGB pixels in 2 x 4 lanes.
std::vector<int32_t> in_pairs(const Weights& weights) {
  std::vector<int32_t> lanes;
  lanes.reserve(weights.weights.size() * kLanes / 2);
  for (size_t i = 0; i < weights.weights.size(); i += 2) {
    const int32_t a = weights.weights[i], b = weights.weights[i + 1];
    lanes.insert(lanes.end(), {a, a, a, 0, b, b, b, 0});
  }
  return lanes;
}

/// Sums `kRows` rows into `kRows` rows of output. Reads up to 5 bytes behind the last pixel of a
/// row.
template <int kRows>
GRAFT_INLINE void sum_across(const uint8_t* const* in, uint8_t* const* out, const Weights& weights,
                             const int32_t* pairs) {
  const size_t outputs = weights.first.size();
  const int stored = weights.taps / 2 * kLanes;
  for (size_t x = 0; x < outputs; ++x, pairs += stored) {
    const ptrdiff_t start = static_cast<ptrdiff_t>(weights.first[x] - weights.begin()) * 3;
    const int used = (weights.count[x] + 1) / 2;
    Ints8 sums[kRows];
    for (int r = 0; r < kRows; ++r) sums[r] = Ints8{kHalf, kHalf, kHalf, 0, 0, 0, 0, 0};
    for (int k = 0; k < used; ++k) {
      Ints8 weight;
      std::memcpy(&weight, pairs + k * kLanes, sizeof weight);
      for (int r = 0; r < kRows; ++r) {
        Bytes8 bytes;
        std::memcpy(&bytes, in[r] + start + 6 * k, sizeof bytes);
        const Bytes8 pixels = __builtin_shufflevector(bytes, bytes, 0, 1, 2, 2, 3, 4, 5, 5);
        sums[r] += __builtin_convertvector(pixels, Ints8) * weight;
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int c = 0; c < 3; ++c)
        out[r][x * 3 + static_cast<size_t>(c)] = to_byte(sums[r][c] + sums[r][c + 4]);
    }
  }
}

GRAFT_INLINE void horizontal(const View& in, const Weights& weights, Image& out) {
  const std::vector<int32_t> pairs = in_pairs(weights);
  // Reading behind a row must end in the next one; the last rows are copied into room enough.
  const int safe = in.stride < sizeof(Bytes8) ? 0 : in.height - 1;
  constexpr int kBlock = 4;
  int y = 0;
  for (; y + kBlock <= safe; y += kBlock) {
    const uint8_t* rows[kBlock];
    uint8_t* results[kBlock];
    for (int r = 0; r < kBlock; ++r) rows[r] = in.row(y + r), results[r] = out.at(0, y + r);
    sum_across<kBlock>(rows, results, weights, pairs.data());
  }
  std::vector<uint8_t> copy(static_cast<size_t>(in.width) * 3 + sizeof(Bytes8));
  for (; y < in.height; ++y) {
    const uint8_t* row = in.row(y);
    if (y >= safe) {
      std::memcpy(copy.data(), row, static_cast<size_t>(in.width) * 3);
      row = copy.data();
    }
    uint8_t* result = out.at(0, y);
    sum_across<1>(&row, &result, weights, pairs.data());
  }
}

GRAFT_INLINE void vertical(const View& in, const Weights& weights, Image& out) {
  const size_t bytes = static_cast<size_t>(out.width) * 3;
  constexpr size_t kVectors = 4, kBlock = kLanes * kVectors;
  for (int y = 0; y < out.height; ++y) {
    const auto at = static_cast<size_t>(y);
    const int32_t* taps = &weights.weights[at * static_cast<size_t>(weights.taps)];
    const uint8_t* top = in.row(weights.first[at] - weights.begin());
    const int count = weights.count[at];
    uint8_t* result = out.at(0, y);
    size_t x = 0;
    for (; x + kBlock <= bytes; x += kBlock) {
      Ints8 sums[kVectors];
      for (auto& sum : sums) sum = Ints8{} + kHalf;
      for (int k = 0; k < count; ++k) {
        const uint8_t* row = top + static_cast<size_t>(k) * in.stride + x;
        for (size_t v = 0; v < kVectors; ++v) {
          Bytes8 values;
          std::memcpy(&values, row + v * kLanes, sizeof values);
          sums[v] += __builtin_convertvector(values, Ints8) * taps[k];
        }
      }
      for (size_t v = 0; v < kVectors; ++v) {
        for (size_t lane = 0; lane < kLanes; ++lane) {
          result[x + v * kLanes + lane] = to_byte(sums[v][lane]);
        }
      }
    }
    for (; x < bytes; ++x) {
      int32_t sum = kHalf;
      for (int k = 0; k < count; ++k) sum += top[static_cast<size_t>(k) * in.stride + x] * taps[k];
      result[x] = to_byte(sum);
    }
  }
}

void horizontal_any(const View& in, const Weights& w, Image& out) {
  horizontal(in, w, out);
}
void vertical_any(const View& in, const Weights& w, Image& out) {
  vertical(in, w, out);
}
#if GRAFT_AVX2_KERNELS
[[gnu::target("avx2")]] void horizontal_avx2(const View& in, const Weights& w, Image& out) {
  horizontal(in, w, out);
}
[[gnu::target("avx2")]] void vertical_avx2(const View& in, const Weights& w, Image& out) {
  vertical(in, w, out);
}
#endif

}  // namespace

const Passes& portable_passes() {
  static const Passes passes{horizontal_any, vertical_any};
  return passes;
}

const Passes& fastest_passes() {
#if GRAFT_AVX2_KERNELS
  static const Passes wide{horizontal_avx2, vertical_avx2};
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2) return wide;
#endif
  return portable_passes();
}

}  // namespace graft::image::detail
