#include "graft/nn/attention_loops.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <atomic>
#include <cmath>
#include <numeric>

#include "graft/base/rng.h"
#include "graft/nn/attention_pairs.h"
#include "graft/tensor/gemm.h"
#include "graft/tensor/parallel.h"

namespace graft::nn {

GRAFT_SIMD_DECLARE(AttentionLines, kAttentionLines)

const AttentionLines& attention_lines(Simd level) {
  return GRAFT_SIMD_PICK(level, kAttentionLines);
}

namespace {

constexpr int64_t kTile = AttentionPlan::kTile;
// Multiplications below which waking other threads takes longer than they save.
constexpr double kWorthThreads = 1 << 18;

/// Runs body(sequence, part, scratch) for every sequence and each of the parts that its heads are
/// divided into, the dear ones first.
template <typename Body>
void for_each_part(const AttentionPlan& plan, int64_t parts, const Body& body) {
  std::atomic<int64_t> next{0};
  const auto all = static_cast<int64_t>(plan.order.size()) * parts;
  const int64_t threads = plan.products < kWorthThreads ? 1 : at::get_num_threads();
  parallel_for(std::min<int64_t>(all, threads), [&](int64_t, int64_t) {
    AttentionScratch scratch;
    for (int64_t i = next++; i < all; i = next++)
      body(plan.sequences[plan.order[static_cast<size_t>(i / parts)]], i % parts, scratch);
  });
}

/// One head's columns of some rows, as floats with rows `stride` apart.
struct Rows {
  const float* data;
  int64_t stride;
};

float to_float(at::BFloat16 x) {
  return static_cast<float>(x);
}

Rows rows_of(const at::Tensor& t, int64_t first, int64_t rows, int64_t column, int64_t width,
             float* room) {
  const int64_t stride = t.stride(0);
  if (t.scalar_type() == at::kFloat)
    return {t.const_data_ptr<float>() + first * stride + column, stride};
  const at::BFloat16* from = t.const_data_ptr<at::BFloat16>() + first * stride + column;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < width; ++c) room[r * width + c] = to_float(from[r * stride + c]);
  }
  return {room, width};
}

void put_rows(const at::Tensor& t, int64_t first, int64_t rows, int64_t column, int64_t width,
              const float* from) {
  const int64_t stride = t.stride(0);
  for (int64_t r = 0; r < rows; ++r) {
    if (t.scalar_type() == at::kFloat) {
      std::copy_n(from + r * width, width, t.data_ptr<float>() + (first + r) * stride + column);
    } else {
      at::BFloat16* to = t.data_ptr<at::BFloat16>() + (first + r) * stride + column;
      for (int64_t c = 0; c < width; ++c) to[c] = at::BFloat16(from[r * width + c]);
    }
  }
}

void forward_by_floats(const AttentionPlan& plan, const AttendedRows& s, int64_t head,
                       const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const at::Tensor& out, float* log_sums, std::vector<float>& scratch) {
  const AttentionLines& lines = attention_lines();
  const int64_t d = plan.width;
  const int64_t heads = plan.rule.heads;
  const int64_t kv = head / plan.group();
  // A single query over many keys (generation) must not pay for room that it has no use for.
  const int64_t tile = std::min(kTile, s.queries);
  const int64_t copied = k.scalar_type() == at::kFloat ? 0 : s.keys * d;
  scratch.resize(static_cast<size_t>(2 * copied + tile * (s.keys + 2 * d)));
  float* room = scratch.data();
  const Rows keys = rows_of(k, s.key, s.keys, kv * d, d, room);
  const Rows values = rows_of(v, s.key, s.keys, kv * d, d, room += copied);
  float* products = room += copied;
  float* result = room += tile * s.keys;
  float* queries_room = room + tile * d;
  for (int64_t i = 0; i < s.queries; i += tile) {
    const int64_t rows = std::min(tile, s.queries - i);
    const int64_t begin = plan.keys(s, i).begin;
    const int64_t end = plan.keys(s, i + rows - 1).end;
    const int64_t n = end - begin;
    const Rows queries = rows_of(q, s.query + i, rows, head * d, d, queries_room);
    gemm(rows, n, d, 1, {queries.data, queries.stride},
         {keys.data + begin * keys.stride, keys.stride, true}, 0, products, n);
    for (int64_t r = 0; r < rows; ++r) {
      const AttentionPlan::Keys seen = plan.keys(s, i + r);
      const int64_t row = s.query + i + r;
      log_sums[row * heads + head] =
          lines.probabilities(products + r * n, n, seen.begin - begin, seen.end - begin,
                              plan.scores, plan.row_seed(row, head));
    }
    gemm(rows, d, n, 1, {products, n}, {values.data + begin * values.stride, values.stride}, 0,
         result, d);
    put_rows(out, s.query + i, rows, head * d, d, result);
  }
}

/// Gradients of one group of query heads, which share keys and values.
void backward_by_floats(const AttentionPlan& plan, const AttendedRows& s, int64_t kv,
                        const at::Tensor& g, const at::Tensor& q, const at::Tensor& k,
                        const at::Tensor& v, const at::Tensor& out, const float* log_sums,
                        const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                        std::vector<float>& scratch) {
  const AttentionLines& lines = attention_lines();
  const int64_t d = plan.width;
  const int64_t heads = plan.rule.heads;
  const int64_t group = plan.group();
  const int64_t all = s.keys * d;
  scratch.assign(static_cast<size_t>(4 * all + 2 * kTile * s.keys + 4 * kTile * d), 0.0F);
  float* room = scratch.data();
  float* grad_keys = room;
  float* grad_values = room += all;
  const Rows keys = rows_of(k, s.key, s.keys, kv * d, d, room += all);
  const Rows values = rows_of(v, s.key, s.keys, kv * d, d, room += all);
  float* products = room += all;
  float* grads = room += kTile * s.keys;
  float* grad_queries = room += kTile * s.keys;
  float* queries_room = room += kTile * d;
  float* out_room = room += kTile * d;
  float* grad_room = room += kTile * d;
  for (int64_t head = kv * group; head < (kv + 1) * group; ++head) {
    for (int64_t i = 0; i < s.queries; i += kTile) {
      const int64_t rows = std::min(kTile, s.queries - i);
      const int64_t begin = plan.keys(s, i).begin;
      const int64_t n = plan.keys(s, i + rows - 1).end - begin;
      const Rows queries = rows_of(q, s.query + i, rows, head * d, d, queries_room);
      const Rows result = rows_of(out, s.query + i, rows, head * d, d, out_room);
      const Rows grad = rows_of(g, s.query + i, rows, head * d, d, grad_room);
      const GemmOperand some_keys{keys.data + begin * keys.stride, keys.stride};
      const GemmOperand some_values{values.data + begin * values.stride, values.stride, true};
      gemm(rows, n, d, 1, {queries.data, queries.stride}, {some_keys.data, some_keys.stride, true},
           0, products, n);
      gemm(rows, n, d, 1, {grad.data, grad.stride}, some_values, 0, grads, n);
      for (int64_t r = 0; r < rows; ++r) {
        const AttentionPlan::Keys seen = plan.keys(s, i + r);
        const int64_t row = s.query + i + r;
        const float inner =
            std::inner_product(result.data + r * result.stride, result.data + r * result.stride + d,
                               grad.data + r * grad.stride, 0.0F);
        lines.backward(products + r * n, grads + r * n, n, seen.begin - begin, seen.end - begin,
                       plan.scores, plan.row_seed(row, head), log_sums[row * heads + head], inner);
      }
      gemm(n, d, rows, 1, {products, n, true}, {grad.data, grad.stride}, 1, grad_values + begin * d,
           d);
      gemm(rows, d, n, 1, {grads, n}, some_keys, 0, grad_queries, d);
      gemm(n, d, rows, 1, {grads, n, true}, {queries.data, queries.stride}, 1,
           grad_keys + begin * d, d);
      put_rows(dq, s.query + i, rows, head * d, d, grad_queries);
    }
  }
  put_rows(dk, s.key, s.keys, kv * d, d, grad_keys);
  put_rows(dv, s.key, s.keys, kv * d, d, grad_values);
}

}  // namespace

AttentionPlan plan_attention(const at::Tensor& q, std::vector<AttendedRows> sequences,
                             const SequenceAttention& rule, uint64_t seed) {
  AttentionPlan plan;
  plan.sequences = std::move(sequences);
  plan.order.resize(plan.sequences.size());
  std::iota(plan.order.begin(), plan.order.end(), size_t{0});
  std::stable_sort(plan.order.begin(), plan.order.end(), [&](size_t a, size_t b) {
    return plan.sequences[a].keys > plan.sequences[b].keys;
  });
  plan.rule = rule;
  plan.width = q.size(1) / rule.heads;
  for (const AttendedRows& s : plan.sequences)
    plan.products += static_cast<double>(s.queries) * static_cast<double>(s.keys * q.size(1));
  plan.seed = seed;
  plan.scores.scale = static_cast<float>(
      rule.scale > 0 ? rule.scale : 1 / std::sqrt(static_cast<double>(plan.width)));
  plan.scores.cap = static_cast<float>(rule.soft_cap);
  if (rule.dropout > 0) {
    plan.scores.drop = static_cast<uint32_t>(std::min(rule.dropout * 4294967296.0, 4294967295.0));
    plan.scores.kept = static_cast<float>(1 / (1 - rule.dropout));
  }
  return plan;
}

uint32_t AttentionPlan::row_seed(int64_t query_row, int64_t head) const {
  if (rule.dropout <= 0) return 0;
  return static_cast<uint32_t>(
      hash_key({seed, static_cast<uint64_t>(query_row), static_cast<uint64_t>(head)}));
}

void attention_forward(const AttentionPlan& plan, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, const at::Tensor& out, float* log_sums) {
  // Heads that share keys go together, unless threads would have nothing to do.
  const int64_t kv_heads = plan.rule.kv_heads;
  const auto together = static_cast<int64_t>(plan.sequences.size()) * kv_heads;
  const int64_t heads = together < 2 * at::get_num_threads() ? 1 : plan.group();
  for_each_part(plan, plan.rule.heads / heads,
                [&](const AttendedRows& s, int64_t part, AttentionScratch& scratch) {
                  const int64_t first = part * heads;
                  if (takes_pairs(plan, s, q))
                    return forward_by_pairs(plan, s, first, first + heads, q, k, v, out, log_sums,
                                            scratch);
                  for (int64_t head = first; head < first + heads; ++head)
                    forward_by_floats(plan, s, head, q, k, v, out, log_sums, scratch.floats);
                });
}

void attention_backward(const AttentionPlan& plan, const at::Tensor& g, const at::Tensor& q,
                        const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                        const float* log_sums, const at::Tensor& dq, const at::Tensor& dk,
                        const at::Tensor& dv) {
  for_each_part(
      plan, plan.rule.kv_heads, [&](const AttendedRows& s, int64_t kv, AttentionScratch& scratch) {
        if (takes_pairs(plan, s, q))
          return backward_by_pairs(plan, s, kv, g, q, k, v, out, log_sums, dq, dk, dv, scratch);
        backward_by_floats(plan, s, kv, g, q, k, v, out, log_sums, dq, dk, dv, scratch.floats);
      });
}

}  // namespace graft::nn
