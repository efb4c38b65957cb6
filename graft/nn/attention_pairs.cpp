#include "graft/nn/attention_pairs.h"

#include <torch/types.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "graft/tensor/pair_gemm.h"

namespace graft::nn {
namespace {

constexpr int64_t kTile = AttentionPlan::kTile;
constexpr int64_t kFewQueries = 8;  // below, tiles of floats

int64_t halved(int64_t n) {
  return (n + 1) / 2;
}

/// Numbers from column to column of keys that lie by columns: no power of two, whose columns would
/// meet in the same lines of a cache.
int64_t key_step(const AttendedRows& s) {
  return (s.keys + 15) / 16 * 16 + 16;
}

/// One head's columns of some rows of a bfloat16 tensor.
struct HeadRows {
  const uint16_t* data;
  int64_t stride;
  const uint16_t* row(int64_t i) const { return data + i * stride; }
};

HeadRows head_rows(const at::Tensor& t, int64_t first, int64_t column) {
  const auto* data = reinterpret_cast<const uint16_t*>(t.const_data_ptr<at::BFloat16>());
  return {data + first * t.stride(0) + column, t.stride(0)};
}

void copy_rows(HeadRows from, int64_t rows, int64_t width, uint32_t* to) {
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(to + r * width / 2, from.row(r), static_cast<size_t>(width) * sizeof(uint16_t));
}

/// Pairs of rows: [rows / 2][width].
void pair_up(HeadRows from, int64_t rows, int64_t width, uint32_t* to) {
  for (int64_t r = 0; r < rows; r += 2)
    pair_rows(from.row(r), r + 1 < rows ? from.row(r + 1) : nullptr, width, to + r / 2 * width);
}
void pair_up(const float* from, int64_t rows, int64_t width, uint32_t* to) {
  for (int64_t r = 0; r < rows; r += 2)
    pair_rows(from + r * width, r + 1 < rows ? from + (r + 1) * width : nullptr, width,
              to + r / 2 * width);
}

/// `line`: room for a row of pairs.
void put_rows(const at::Tensor& t, int64_t first, int64_t rows, int64_t column, int64_t width,
              const float* from, uint32_t* line) {
  at::BFloat16* to = t.data_ptr<at::BFloat16>() + first * t.stride(0) + column;
  for (int64_t r = 0; r < rows; ++r) {
    pair_neighbours(from + r * width, width, line);
    std::memcpy(to + r * t.stride(0), line, static_cast<size_t>(width) * sizeof(uint16_t));
  }
}

float inner_product(const uint16_t* a, const uint16_t* b, int64_t n) {
  constexpr int64_t kLanes = 16;
  const auto number = [](uint16_t x) { return c10::detail::f32_from_bits(x); };
  float sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) sums[l] += number(a[i + l]) * number(b[i + l]);
  }
  for (; i < n; ++i) sums[0] += number(a[i]) * number(b[i]);
  float sum = 0;
  for (const float s : sums) sum += s;
  return sum;
}

/// The keys that a tile's queries see. They begin where a pair does.
AttentionPlan::Keys tile_keys(const AttentionPlan& plan, const AttendedRows& s, int64_t i,
                              int64_t rows) {
  const int64_t begin = plan.keys(s, i).begin;
  return {begin - begin % 2, plan.keys(s, i + rows - 1).end};
}

/// Hands out parts of a vector one after the other.
template <typename T>
class Room {
 public:
  Room(std::vector<T>& all, int64_t size) {
    if (all.size() < static_cast<size_t>(size)) all.resize(static_cast<size_t>(size));
    next_ = all.data();
  }
  T* take(int64_t size) { return std::exchange(next_, next_ + size); }

 private:
  T* next_;
};

}  // namespace

bool takes_pairs(const AttentionPlan& plan, const AttendedRows& s, const at::Tensor& q) {
  return q.scalar_type() == at::kBFloat16 && has_pair_gemm() && plan.width % 2 == 0 &&
         s.queries >= kFewQueries;
}

void forward_by_pairs(const AttentionPlan& plan, const AttendedRows& s, int64_t first, int64_t last,
                      const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                      const at::Tensor& out, float* log_sums, AttentionScratch& scratch) {
  const AttentionLines& lines = attention_lines();
  const int64_t d = plan.width;
  const int64_t kv = first / plan.group();
  const int64_t step = key_step(s);
  const int64_t tile = std::min(kTile, s.queries);
  Room<uint32_t> pairs(scratch.pairs,
                       d / 2 * step + halved(s.keys) * (d + tile) + tile * d / 2 + d);
  uint32_t* keys = pairs.take(d / 2 * step);          // by columns
  uint32_t* values = pairs.take(halved(s.keys) * d);  // by pairs of rows
  uint32_t* shares = pairs.take(halved(s.keys) * tile);
  uint32_t* queries = pairs.take(tile * d / 2);
  uint32_t* line = pairs.take(d);
  Room<float> floats(scratch.floats, tile * (s.keys + d));
  float* products = floats.take(tile * s.keys);
  float* result = floats.take(tile * d);
  const HeadRows key_rows = head_rows(k, s.key, kv * d);
  pair_transposed(key_rows.data, key_rows.stride, s.keys, d / 2, keys, step);
  pair_up(head_rows(v, s.key, kv * d), s.keys, d, values);
  for (int64_t head = first; head < last; ++head) {
    for (int64_t i = 0; i < s.queries; i += tile) {
      const int64_t rows = std::min(tile, s.queries - i);
      const auto [begin, end] = tile_keys(plan, s, i, rows);
      const int64_t n = end - begin;
      copy_rows(head_rows(q, s.query + i, head * d), rows, d, queries);
      pair_gemm(rows, n, d / 2, {queries, d / 2}, keys + begin, step, false, products, n);
      for (int64_t r = 0; r < rows; ++r) {
        const AttentionPlan::Keys seen = plan.keys(s, i + r);
        const int64_t row = s.query + i + r;
        float* p = products + r * n;
        log_sums[row * plan.rule.heads + head] = lines.probabilities(
            p, n, seen.begin - begin, seen.end - begin, plan.scores, plan.row_seed(row, head));
        pair_neighbours(p, n, shares + r * halved(n));
      }
      pair_gemm(rows, d, halved(n), {shares, halved(n)}, values + begin / 2 * d, d, false, result,
                d);
      put_rows(out, s.query + i, rows, head * d, d, result, line);
    }
  }
}

void backward_by_pairs(const AttentionPlan& plan, const AttendedRows& s, int64_t kv,
                       const at::Tensor& g, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, const at::Tensor& out, const float* log_sums,
                       const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                       AttentionScratch& scratch) {
  const AttentionLines& lines = attention_lines();
  const int64_t d = plan.width;
  const int64_t step = key_step(s);
  const int64_t tile = std::min(kTile, s.queries);
  Room<uint32_t> pairs(scratch.pairs, d * step + halved(s.keys) * (d + tile) + tile * d +
                                          2 * halved(tile) * (d + s.keys) + d);
  uint32_t* keys = pairs.take(d / 2 * step);                // by columns
  uint32_t* values = pairs.take(d / 2 * step);              // likewise
  uint32_t* keys_in_rows = pairs.take(halved(s.keys) * d);  // by pairs of rows
  uint32_t* slopes = pairs.take(halved(s.keys) * tile);
  uint32_t* queries = pairs.take(tile * d / 2);
  uint32_t* grads = pairs.take(tile * d / 2);
  uint32_t* queries_in_rows = pairs.take(halved(tile) * d);
  uint32_t* grads_in_rows = pairs.take(halved(tile) * d);
  uint32_t* shares_in_rows = pairs.take(halved(tile) * s.keys);
  uint32_t* slopes_in_rows = pairs.take(halved(tile) * s.keys);
  uint32_t* line = pairs.take(d);
  Room<float> floats(scratch.floats, 2 * s.keys * d + 2 * tile * s.keys + tile * d);
  float* grad_keys = floats.take(s.keys * d);
  float* grad_values = floats.take(s.keys * d);
  float* products = floats.take(tile * s.keys);  // … and probabilities
  float* changes = floats.take(tile * s.keys);   // gradients of these, and of the products
  float* grad_queries = floats.take(tile * d);
  std::fill_n(grad_keys, s.keys * d, 0.0F);
  std::fill_n(grad_values, s.keys * d, 0.0F);
  const HeadRows key_rows = head_rows(k, s.key, kv * d);
  const HeadRows value_rows = head_rows(v, s.key, kv * d);
  pair_transposed(key_rows.data, key_rows.stride, s.keys, d / 2, keys, step);
  pair_transposed(value_rows.data, value_rows.stride, s.keys, d / 2, values, step);
  pair_up(key_rows, s.keys, d, keys_in_rows);
  for (int64_t head = kv * plan.group(); head < (kv + 1) * plan.group(); ++head) {
    for (int64_t i = 0; i < s.queries; i += tile) {
      const int64_t rows = std::min(tile, s.queries - i);
      const auto [begin, end] = tile_keys(plan, s, i, rows);
      const int64_t n = end - begin;
      const HeadRows query_rows = head_rows(q, s.query + i, head * d);
      const HeadRows grad_rows = head_rows(g, s.query + i, head * d);
      const HeadRows results = head_rows(out, s.query + i, head * d);
      copy_rows(query_rows, rows, d, queries);
      copy_rows(grad_rows, rows, d, grads);
      pair_up(query_rows, rows, d, queries_in_rows);
      pair_up(grad_rows, rows, d, grads_in_rows);
      pair_gemm(rows, n, d / 2, {queries, d / 2}, keys + begin, step, false, products, n);
      pair_gemm(rows, n, d / 2, {grads, d / 2}, values + begin, step, false, changes, n);
      for (int64_t r = 0; r < rows; ++r) {
        const AttentionPlan::Keys seen = plan.keys(s, i + r);
        const int64_t row = s.query + i + r;
        lines.backward(products + r * n, changes + r * n, n, seen.begin - begin, seen.end - begin,
                       plan.scores, plan.row_seed(row, head),
                       log_sums[row * plan.rule.heads + head],
                       inner_product(results.row(r), grad_rows.row(r), d));
        pair_neighbours(changes + r * n, n, slopes + r * halved(n));
      }
      pair_up(products, rows, n, shares_in_rows);
      pair_up(changes, rows, n, slopes_in_rows);
      pair_gemm(n, d, halved(rows), {shares_in_rows, 1, n}, grads_in_rows, d, true,
                grad_values + begin * d, d);
      pair_gemm(rows, d, halved(n), {slopes, halved(n)}, keys_in_rows + begin / 2 * d, d, false,
                grad_queries, d);
      pair_gemm(n, d, halved(rows), {slopes_in_rows, 1, n}, queries_in_rows, d, true,
                grad_keys + begin * d, d);
      put_rows(dq, s.query + i, rows, head * d, d, grad_queries, line);
    }
  }
  put_rows(dk, s.key, s.keys, kv * d, d, grad_keys, line);
  put_rows(dv, s.key, s.keys, kv * d, d, grad_values, line);
}

}  // namespace graft::nn
