#include "graft/nn/norm_kernels.h"

#include <algorithm>
#include <vector>

#include "graft/tensor/parallel.h"

namespace graft::nn {

GRAFT_SIMD_DECLARE(NormLines<Float32>, kFloat32Lines)
GRAFT_SIMD_DECLARE(NormLines<BFloat16>, kBFloat16Lines)

template <>
const NormLines<Float32>& norm_lines<Float32>(Simd level) {
  return GRAFT_SIMD_PICK(level, kFloat32Lines);
}

template <>
const NormLines<BFloat16>& norm_lines<BFloat16>(Simd level) {
  return GRAFT_SIMD_PICK(level, kBFloat16Lines);
}

namespace {

constexpr int64_t kBlock = 32768;  // numbers of a block: it stays in the second-level cache
constexpr int64_t kLine = 64;      // shorter pixels are taken several at a time

/// Sums by block and place in a line (of whole pixels), added up by channel in a fixed order.
void fold(const std::vector<float>& parts, int64_t channels, float* out) {
  std::vector<double> total(static_cast<size_t>(channels), 0.0);
  for (size_t first = 0; first < parts.size(); first += total.size()) {
    for (size_t c = 0; c < total.size(); ++c) total[c] += static_cast<double>(parts[first + c]);
  }
  for (int64_t c = 0; c < channels; ++c) out[c] = static_cast<float>(total[static_cast<size_t>(c)]);
}

}  // namespace

/// How the numbers are walked: lines of several whole pixels, so that loops over eight channels are
/// as long as loops over 64; the last pixels may fill a shorter line, a block of its own.
template <typename Type>
struct NormKernels<Type>::Walk {
  Walk(int64_t rows, int64_t given)
      : channels(given),
        line(channels * std::max<int64_t>(1, kLine / channels)),
        lines(rows * channels / line),
        rest(rows * channels % line),
        in_block(std::max<int64_t>(1, kBlock / line)),
        blocks((lines + in_block - 1) / in_block) {}
  int64_t channels, line, lines, rest, in_block, blocks;

  /// Numbers by channel, as often as a line has pixels.
  std::vector<float> spread(const float* values) const {
    std::vector<float> result(static_cast<size_t>(line));
    for (int64_t i = 0; i < line; ++i) result[static_cast<size_t>(i)] = values[i % channels];
    return result;
  }
  std::vector<float> sums() const {
    return std::vector<float>(static_cast<size_t>((blocks + 1) * line), 0.0F);
  }
  /// f(block, first number, lines, numbers in a line)
  template <typename F>
  void each(const F& f) const {
    parallel_for(blocks, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b)
        f(b, b * in_block * line, std::min(in_block, lines - b * in_block), line);
    });
    if (rest > 0) f(blocks, lines * line, 1, rest);
  }
};

template <typename Type>
NormKernels<Type>::NormKernels(int64_t rows, int64_t channels, Simd level)
    : rows_(rows), channels_(channels), lines_(norm_lines<Type>(level)) {}

template <typename Type>
void NormKernels<Type>::moments(const T* x, float* mean, float* squares) const {
  const Walk walk(rows_, channels_);
  std::vector<float> means = walk.sums(), spreads = walk.sums();
  std::vector<double> counts(static_cast<size_t>(walk.blocks + 1), 0.0);
  walk.each([&](int64_t block, int64_t first, int64_t lines, int64_t n) {
    float* m = means.data() + block * walk.line;
    lines_.add(x + first, lines, n, m);
    for (int64_t i = 0; i < n; ++i) m[i] /= static_cast<float>(lines);
    lines_.add_squares(x + first, lines, n, m, spreads.data() + block * walk.line);
    counts[static_cast<size_t>(block)] = static_cast<double>(lines);
  });
  // Parts of known mean and spread, joined (Chan et al. 1979).
  for (int64_t c = 0; c < channels_; ++c) {
    double count = 0, centre = 0, spread = 0;
    for (int64_t block = 0; block <= walk.blocks; ++block) {
      const double n = counts[static_cast<size_t>(block)];
      const int64_t width = block < walk.blocks ? walk.line : walk.rest;
      for (int64_t i = c; n > 0 && i < width; i += channels_) {
        const auto slot = static_cast<size_t>(block * walk.line + i);
        const double distance = static_cast<double>(means[slot]) - centre;
        count += n;
        centre += distance * n / count;
        spread +=
            static_cast<double>(spreads[slot]) + distance * distance * n * (count - n) / count;
      }
    }
    mean[c] = static_cast<float>(centre);
    squares[c] = static_cast<float>(spread);
  }
}

template <typename Type>
void NormKernels<Type>::forward(const T* x, const T* residual, const float* scale,
                                const float* shift, Bounds bounds, T* y) const {
  const Walk walk(rows_, channels_);
  const auto scales = walk.spread(scale), shifts = walk.spread(shift);
  walk.each([&](int64_t, int64_t first, int64_t lines, int64_t n) {
    lines_.forward(x + first, residual ? residual + first : nullptr, lines, n, scales.data(),
                   shifts.data(), bounds, y + first);
  });
}

template <typename Type>
void NormKernels<Type>::backward_sums(const T* g, const T* x, const T* y, const float* scale,
                                      const float* shift, const float* mean, Bounds bounds,
                                      float* sum, float* sum_x) const {
  const Walk walk(rows_, channels_);
  const auto scales = walk.spread(scale), shifts = walk.spread(shift), means = walk.spread(mean);
  std::vector<float> sums = walk.sums(), sums_x = walk.sums();
  walk.each([&](int64_t block, int64_t first, int64_t lines, int64_t n) {
    lines_.backward_sums(g + first, x + first, y ? y + first : nullptr, lines, n, scales.data(),
                         shifts.data(), means.data(), bounds, sums.data() + block * walk.line,
                         sums_x.data() + block * walk.line);
  });
  fold(sums, channels_, sum);
  fold(sums_x, channels_, sum_x);
}

template <typename Type>
void NormKernels<Type>::backward(const T* g, const T* x, const T* y, const float* scale,
                                 const float* shift, Bounds bounds, const float* a, const float* b,
                                 const float* c, T* dx, T* kept) const {
  const Walk walk(rows_, channels_);
  const auto scales = walk.spread(scale), shifts = walk.spread(shift), as = walk.spread(a),
             bs = walk.spread(b), cs = walk.spread(c);
  walk.each([&](int64_t, int64_t first, int64_t lines, int64_t n) {
    lines_.backward(g + first, x + first, y ? y + first : nullptr, lines, n, scales.data(),
                    shifts.data(), bounds, as.data(), bs.data(), cs.data(), dx + first,
                    kept ? kept + first : nullptr);
  });
}

template class NormKernels<Float32>;
template class NormKernels<BFloat16>;

}  // namespace graft::nn
