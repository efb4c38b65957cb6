#include "graft/nn/sequence_attention.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/nn/attention_lines.h"
#include "graft/nn/cost_meter.h"
#include "graft/nn/cpu_loops.h"
#include "graft/nn/dropout.h"
#include "graft/nn/padded_rows.h"
#include "graft/tensor/gemm.h"
#include "graft/tensor/parallel.h"

namespace graft::nn {

GRAFT_SIMD_DECLARE(AttentionLines, kAttentionLines)

const AttentionLines& attention_lines(Simd level) {
  return GRAFT_SIMD_PICK(level, kAttentionLines);
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kTile = 64;  // queries whose products are in memory at a time
// Multiplications below which waking other threads takes longer than they save.
constexpr double kWorthThreads = 1 << 18;

/// Where a sequence lies among the rows of q and of k.
struct Sequence {
  int64_t query, queries, key, keys;
  bool operator==(const Sequence&) const = default;
};

std::vector<Sequence> sequences_of(const at::Tensor& lengths, const at::Tensor& key_lengths,
                                   const at::Tensor& key_rows = {}) {
  const auto* q = lengths.const_data_ptr<int64_t>();
  const auto* k = key_lengths.defined() ? key_lengths.const_data_ptr<int64_t>() : q;
  const auto* rows = key_rows.defined() ? key_rows.const_data_ptr<int64_t>() : nullptr;
  std::vector<Sequence> sequences;
  Sequence s{0, 0, 0, 0};
  for (int64_t i = 0; i < lengths.size(0); ++i) {
    s = {s.query + s.queries, q[i], rows ? rows[i] : s.key + s.keys, k[i]};
    sequences.push_back(s);
  }
  return sequences;
}

/// What the loops need to know, beside the tensors.
struct Plan {
  std::vector<Sequence> sequences;
  std::vector<size_t> order;  // the longest first, so that threads end together
  SequenceAttention rule;
  ScoreRule scores;
  uint64_t seed = 0;
  int64_t width = 0;
  double products = 0;

  struct Keys {
    int64_t begin, end;
  };
  /// The keys that query i of s sees.
  Keys keys(const Sequence& s, int64_t i) const {
    const int64_t position = s.keys - s.queries + i;
    return {std::max<int64_t>(0, position - rule.left),
            std::min<int64_t>(s.keys, position + rule.right + 1)};
  }
  uint32_t row_seed(int64_t query_row, int64_t head) const {
    return rule.dropout > 0
               ? static_cast<uint32_t>(hash_key(
                     {seed, static_cast<uint64_t>(query_row), static_cast<uint64_t>(head)}))
               : 0;
  }
};

/// Runs body(sequence, head, scratch) for every pair, the dear ones first.
template <typename Body>
void for_each_head(const Plan& plan, int64_t heads, const Body& body) {
  std::atomic<int64_t> next{0};
  const auto all = static_cast<int64_t>(plan.order.size()) * heads;
  const int64_t threads = plan.products < kWorthThreads ? 1 : at::get_num_threads();
  parallel_for(std::min<int64_t>(all, threads), [&](int64_t, int64_t) {
    std::vector<float> scratch;
    for (int64_t i = next++; i < all; i = next++)
      body(plan.sequences[plan.order[static_cast<size_t>(i / heads)]], i % heads, scratch);
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

void forward_loops(const Plan& plan, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                   const at::Tensor& out, float* log_sums) {
  const AttentionLines& lines = attention_lines();
  const int64_t d = plan.width;
  const int64_t heads = plan.rule.heads;
  const int64_t group = heads / plan.rule.kv_heads;
  for_each_head(plan, heads, [&](const Sequence& s, int64_t head, std::vector<float>& scratch) {
    const int64_t kv = head / group;
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
        const Plan::Keys seen = plan.keys(s, i + r);
        const int64_t row = s.query + i + r;
        log_sums[row * heads + head] =
            lines.probabilities(products + r * n, n, seen.begin - begin, seen.end - begin,
                                plan.scores, plan.row_seed(row, head));
      }
      gemm(rows, d, n, 1, {products, n}, {values.data + begin * values.stride, values.stride}, 0,
           result, d);
      put_rows(out, s.query + i, rows, head * d, d, result);
    }
  });
}

/// Gradients of one group of query heads, which share keys and values.
void backward_loops(const Plan& plan, const at::Tensor& g, const at::Tensor& q, const at::Tensor& k,
                    const at::Tensor& v, const at::Tensor& out, const float* log_sums,
                    const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv) {
  const AttentionLines& lines = attention_lines();
  const int64_t d = plan.width;
  const int64_t heads = plan.rule.heads;
  const int64_t group = heads / plan.rule.kv_heads;
  for_each_head(
      plan, plan.rule.kv_heads, [&](const Sequence& s, int64_t kv, std::vector<float>& scratch) {
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
            gemm(rows, n, d, 1, {queries.data, queries.stride},
                 {some_keys.data, some_keys.stride, true}, 0, products, n);
            gemm(rows, n, d, 1, {grad.data, grad.stride}, some_values, 0, grads, n);
            for (int64_t r = 0; r < rows; ++r) {
              const Plan::Keys seen = plan.keys(s, i + r);
              const int64_t row = s.query + i + r;
              const float inner = std::inner_product(result.data + r * result.stride,
                                                     result.data + r * result.stride + d,
                                                     grad.data + r * grad.stride, 0.0F);
              lines.backward(products + r * n, grads + r * n, n, seen.begin - begin,
                             seen.end - begin, plan.scores, plan.row_seed(row, head),
                             log_sums[row * heads + head], inner);
            }
            gemm(n, d, rows, 1, {products, n, true}, {grad.data, grad.stride}, 1,
                 grad_values + begin * d, d);
            gemm(rows, d, n, 1, {grads, n}, some_keys, 0, grad_queries, d);
            gemm(n, d, rows, 1, {grads, n, true}, {queries.data, queries.stride}, 1,
                 grad_keys + begin * d, d);
            put_rows(dq, s.query + i, rows, head * d, d, grad_queries);
          }
        }
        put_rows(dk, s.key, s.keys, kv * d, d, grad_keys);
        put_rows(dv, s.key, s.keys, kv * d, d, grad_values);
      });
}

Plan make_plan(const at::Tensor& q, std::vector<Sequence> sequences, const SequenceAttention& rule,
               uint64_t seed) {
  Plan plan;
  plan.sequences = std::move(sequences);
  plan.order.resize(plan.sequences.size());
  std::iota(plan.order.begin(), plan.order.end(), size_t{0});
  std::stable_sort(plan.order.begin(), plan.order.end(), [&](size_t a, size_t b) {
    return plan.sequences[a].keys > plan.sequences[b].keys;
  });
  plan.rule = rule;
  plan.width = q.size(1) / rule.heads;
  for (const Sequence& s : plan.sequences)
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

/// The loops read rows at any distance, but neighbouring numbers.
at::Tensor readable(const at::Tensor& t) {
  return t.stride(1) == 1 ? t : t.contiguous();
}

struct Gradients {
  at::Tensor q, k, v;
};

/// In one storage where the rows go together: where q, k and v came from one product, their
/// gradients go back as one.
Gradients gradients_like(const at::Tensor& q, const at::Tensor& k) {
  if (q.size(0) != k.size(0))
    return {at::empty(q.sizes(), q.options()), at::empty(k.sizes(), k.options()),
            at::empty(k.sizes(), k.options())};
  const int64_t q_width = q.size(1);
  const int64_t k_width = k.size(1);
  const at::Tensor all = at::empty({q.size(0), q_width + 2 * k_width}, q.options());
  return {all.narrow(1, 0, q_width), all.narrow(1, q_width, k_width),
          all.narrow(1, q_width + k_width, k_width)};
}

class Attend : public torch::autograd::Function<Attend> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q_in, const at::Tensor& k_in,
                            const at::Tensor& v_in, const at::Tensor& lengths,
                            const std::optional<at::Tensor>& key_lengths,
                            const SequenceAttention& rule, int64_t seed) {
    const at::Tensor q = readable(q_in);
    const at::Tensor k = readable(k_in);
    const at::Tensor v = readable(v_in);
    const Plan plan = make_plan(q, sequences_of(lengths, key_lengths.value_or(at::Tensor())), rule,
                                static_cast<uint64_t>(seed));
    const at::Tensor out = at::empty(q.sizes(), q.options());
    const at::Tensor log_sums = at::empty({q.size(0), rule.heads}, at::kFloat);
    forward_loops(plan, q, k, v, out, log_sums.data_ptr<float>());
    ctx->save_for_backward({q, k, v, out, log_sums, lengths, key_lengths.value_or(at::Tensor())});
    ctx->saved_data["heads"] = rule.heads;
    ctx->saved_data["kv_heads"] = rule.kv_heads;
    ctx->saved_data["left"] = rule.left;
    ctx->saved_data["right"] = rule.right;
    ctx->saved_data["scale"] = rule.scale;
    ctx->saved_data["soft_cap"] = rule.soft_cap;
    ctx->saved_data["dropout"] = rule.dropout;
    ctx->saved_data["seed"] = seed;
    return out;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3];
    SequenceAttention rule;
    rule.heads = ctx->saved_data["heads"].toInt();
    rule.kv_heads = ctx->saved_data["kv_heads"].toInt();
    rule.left = ctx->saved_data["left"].toInt();
    rule.right = ctx->saved_data["right"].toInt();
    rule.scale = ctx->saved_data["scale"].toDouble();
    rule.soft_cap = ctx->saved_data["soft_cap"].toDouble();
    rule.dropout = ctx->saved_data["dropout"].toDouble();
    const auto seed = static_cast<uint64_t>(ctx->saved_data["seed"].toInt());
    const Plan plan = make_plan(q, sequences_of(saved[5], saved[6]), rule, seed);
    const at::Tensor g = readable(grads[0].to(q.scalar_type()));
    const auto [dq, dk, dv] = gradients_like(q, k);
    backward_loops(plan, g, q, k, v, out, saved[4].const_data_ptr<float>(), dq, dk, dv);
    return {dq, dk, dv, {}, {}, {}, {}};
  }
};

/// The same without a graph, of keys that may lie anywhere.
at::Tensor attend_only(const at::Tensor& q_in, const at::Tensor& k_in, const at::Tensor& v_in,
                       std::vector<Sequence> sequences, const SequenceAttention& rule,
                       int64_t seed) {
  const at::Tensor q = readable(q_in);
  at::Tensor out = at::empty(q.sizes(), q.options());
  std::vector<float> log_sums(static_cast<size_t>(q.size(0) * rule.heads));
  forward_loops(make_plan(q, std::move(sequences), rule, static_cast<uint64_t>(seed)), q,
                readable(k_in), readable(v_in), out, log_sums.data());
  return out;
}

/// Sequences side by side, and what their queries see.
struct Padded {
  PaddedRows queries, keys;
  at::Tensor mask;  ///< [B, 1, queries, keys], added to scores; undefined where none is needed
  bool causal;  ///< all that is hidden is what lies behind a query, padding too: no mask says it
};

/// `fused`: for at::scaled_dot_product_attention.
Padded pad(const std::vector<Sequence>& sequences, const SequenceAttention& rule,
           const at::Tensor& like, bool fused) {
  std::vector<RowRange> queries, keys;
  int64_t longest = 0;
  for (const Sequence& s : sequences) {
    queries.push_back({s.query, s.queries});
    keys.push_back({s.key, s.keys});
    longest = std::max(longest, s.keys);
  }
  const bool far = rule.left >= longest - 1;
  const bool causal =
      fused && far && rule.right == 0 &&
      std::ranges::all_of(sequences, [](const Sequence& s) { return s.queries == s.keys; });
  const bool all = far && std::ranges::all_of(sequences, [&](const Sequence& s) {
                     return s.keys == longest && rule.right >= s.queries - 1;
                   });
  // Rows of a mask that lie so far apart are read as they are.
  const int64_t step = fused && !causal && !all ? 16 : 1;
  Padded padded{PaddedRows(queries, like.device()),
                PaddedRows(keys, like.device(), step),
                {},
                causal && !all};
  if (causal || all) return padded;
  const auto column = [](const PaddedRows& rows) { return rows.counts().view({-1, 1, 1}); };
  const at::Tensor asking = column(padded.queries), there = column(padded.keys);
  const at::Tensor number = at::arange(padded.queries.size(), there.options()).unsqueeze(1);
  const at::Tensor key = at::arange(padded.keys.size(), there.options());
  const at::Tensor position = number + (there - asking);
  const at::Tensor seen =
      (key >= position - rule.left) & (key <= position + rule.right) & (key < there);
  // Where nothing is asked something is seen: a softmax of nothing is no number.
  const at::Tensor hidden = (seen | (number >= asking)).logical_not().unsqueeze(1);
  padded.mask = at::zeros(hidden.sizes(), like.options())
                    .masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  return padded;
}

/// The same, remembered: all layers of a pass ask for it, and the GPU is waited for each time that
/// something is brought there.
std::shared_ptr<const Padded> padded_once(const std::vector<Sequence>& sequences,
                                          const SequenceAttention& rule, const at::Tensor& like,
                                          bool fused) {
  struct Known {
    int64_t left, right;
    at::TensorOptions options;
    bool fused;
    std::shared_ptr<const Padded> padded;
  };
  thread_local std::vector<Sequence> of;
  thread_local std::vector<Known> known;
  if (of != sequences) {
    of = sequences;
    known.clear();
  }
  for (const Known& k : known) {
    if (k.left == rule.left && k.right == rule.right && k.fused == fused &&
        k.options.device() == like.device() && k.options.dtype() == like.dtype())
      return k.padded;
  }
  const at::NoGradGuard no_grad;
  known.push_back({rule.left, rule.right, like.options(), fused,
                   std::make_shared<const Padded>(pad(sequences, rule, like, fused))});
  return known.back().padded;
}

/// The same with LibTorch's operators, on padded sequences: for other devices and types.
at::Tensor attend_padded(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         const std::vector<Sequence>& sequences, const SequenceAttention& rule,
                         const Context& context) {
  const bool drops = rule.dropout > 0 && context.random();
  // Fused kernels draw from a generator of their own, and know no cap.
  const bool fused = !q.is_cpu() && q.scalar_type() != at::kDouble && rule.soft_cap <= 0 && !drops;
  const auto padded = q.is_cpu() ? std::make_shared<const Padded>(pad(sequences, rule, q, fused))
                                 : padded_once(sequences, rule, q, fused);
  const auto batch = static_cast<int64_t>(sequences.size());
  const int64_t d = q.size(1) / rule.heads;
  const auto heads_of = [&](const at::Tensor& t, const PaddedRows& rows, int64_t heads) {
    const at::Tensor x = rows.pad(t).view({batch, rows.size(), heads, d}).transpose(1, 2);
    return heads == rule.heads ? x : x.repeat_interleave(rule.heads / heads, 1);
  };
  const at::Tensor query = heads_of(q, padded->queries, rule.heads);
  const at::Tensor key = heads_of(k, padded->keys, rule.kv_heads);
  const at::Tensor value = heads_of(v, padded->keys, rule.kv_heads);
  const double scale = rule.scale > 0 ? rule.scale : 1 / std::sqrt(static_cast<double>(d));
  at::Tensor mixed;
  if (fused) {
    const std::optional<at::Tensor> mask =
        padded->mask.defined() ? std::make_optional(padded->mask) : std::nullopt;
    mixed = at::scaled_dot_product_attention(query, key, value, mask, 0, padded->causal, scale);
  } else {
    at::Tensor scores = at::matmul(query, key.transpose(-2, -1)) * scale;
    if (rule.soft_cap > 0) scores = (scores / rule.soft_cap).tanh() * rule.soft_cap;
    if (padded->mask.defined()) scores = scores + padded->mask;
    const auto wide = q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const at::Tensor p =
        dropout(at::softmax(scores, -1, wide).to(q.scalar_type()), rule.dropout, context);
    mixed = at::matmul(p, value);
  }
  return padded->queries.unpad(
      mixed.transpose(1, 2).reshape({batch, padded->queries.size(), q.size(1)}));
}

void count(CostMeter& meter, const std::vector<Sequence>& sequences, int64_t width,
           const SequenceAttention& rule, const Context& context) {
  double pairs = 0;
  for (const Sequence& s : sequences) {
    for (int64_t i = 0; i < s.queries; ++i) {
      const int64_t at = s.keys - s.queries + i;
      pairs += static_cast<double>(std::min(s.keys, at + rule.right + 1) -
                                   std::max<int64_t>(0, at - rule.left));
    }
  }
  meter.add({context.block, 4 * pairs * static_cast<double>(width), false, false});
}

}  // namespace

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const at::Tensor& lengths, const SequenceAttention& rule, const Context& context,
                  const at::Tensor& key_lengths, const at::Tensor& key_rows) {
  std::vector<Sequence> sequences = sequences_of(lengths, key_lengths, key_rows);
  if (CostMeter* meter = CostMeter::active()) count(*meter, sequences, q.size(1), rule, context);
  if (!has_cpu_loops(q)) return attend_padded(q, k, v, sequences, rule, context);
  SequenceAttention active = rule;
  int64_t seed = 0;
  if (!context.random()) active.dropout = 0;
  if (active.dropout > 0) {
    seed = at::empty({}, at::kLong).random_(context.generator).item<int64_t>();
  }
  if (!at::GradMode::is_enabled()) return attend_only(q, k, v, std::move(sequences), active, seed);
  GRAFT_ASSERT(!key_rows.defined());
  return Attend::apply(q, k, v, lengths,
                       key_lengths.defined() ? std::make_optional(key_lengths) : std::nullopt,
                       active, seed);
}

}  // namespace graft::nn
