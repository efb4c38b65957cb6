#include "graft/nn/disentangled_attention.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>

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
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kTile = 64;  // queries whose products are in memory at a time
// Of a batch's texts. Each sums the gradients of relative positions for itself, so that they do not
// depend on which thread comes first.
constexpr int64_t kParts = 8;
// Multiplications below which waking other threads takes longer than they save.
constexpr double kWorthThreads = 1 << 18;

/// Where a text lies among the rows of q and of k, and which relative rows it reads.
struct Text {
  int64_t query, queries, key, keys;
  int64_t first, rows;
  double products() const {
    return static_cast<double>(queries) * static_cast<double>(keys + rows) +
           static_cast<double>(keys) * static_cast<double>(rows);
  }
};

std::vector<Text> texts_of(const at::Tensor& lengths, const at::Tensor& query_lengths,
                           const RelativeRows& relative) {
  const auto* keys = lengths.const_data_ptr<int64_t>();
  const auto* queries = query_lengths.defined() ? query_lengths.const_data_ptr<int64_t>() : keys;
  const auto* row = relative.of_distance.const_data_ptr<int64_t>() + relative.zero;
  std::vector<Text> texts;
  Text t{0, 0, 0, 0, 0, 0};
  for (int64_t i = 0; i < lengths.size(0); ++i) {
    t = {t.query + t.queries, queries[i], t.key + t.keys, keys[i], 0, 0};
    GRAFT_ASSERT(t.queries <= t.keys && (t.queries > 0 || t.keys == 0));
    if (t.queries > 0) {
      t.first = row[1 - t.keys];
      t.rows = row[t.queries - 1] - t.first + 1;
    }
    texts.push_back(t);
  }
  return texts;
}

/// A tensor of rows of float32.
struct Rows {
  Rows() = default;
  explicit Rows(const at::Tensor& t)
      : data(t.defined() ? t.const_data_ptr<float>() : nullptr),
        stride(t.defined() ? t.stride(0) : 0) {}
  Rows from(int64_t row, int64_t column) const {
    Rows part = *this;
    if (data) part.data += row * stride + column;
    return part;
  }
  GemmOperand operand(bool transposed = false) const { return {data, stride, transposed}; }

  const float* data = nullptr;
  int64_t stride = 0;
};

/// The same, to be written.
struct Target {
  Target() = default;
  explicit Target(const at::Tensor& t)
      : data(t.defined() ? t.data_ptr<float>() : nullptr), stride(t.defined() ? t.stride(0) : 0) {}
  Target from(int64_t row, int64_t column) const {
    Target part = *this;
    if (data) part.data += row * stride + column;
    return part;
  }

  float* data = nullptr;
  int64_t stride = 0;
};

/// Rows so far apart that the same column of many does not fall into few places of a cache.
int64_t spread(int64_t columns) {
  constexpr int64_t kLine = 16;
  return ((columns + kLine - 1) / kLine | 1) * kLine;
}

/// What the loops need to know, beside the tensors.
struct Plan {
  std::vector<Text> texts;
  std::vector<std::vector<size_t>> parts;  // the longest texts first
  const int64_t* row_of;                   // [distance]
  ScoreRule scores;
  int64_t heads, width;
  uint64_t seed;
  double products;

  uint32_t row_seed(int64_t query_row, int64_t head) const {
    return scores.drop > 0 ? static_cast<uint32_t>(hash_key({seed, static_cast<uint64_t>(query_row),
                                                             static_cast<uint64_t>(head)}))
                           : 0;
  }
};

/// Parts of about equal cost.
std::vector<std::vector<size_t>> parts_of(const std::vector<Text>& texts) {
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return texts[a].keys > texts[b].keys; });
  std::vector<std::vector<size_t>> parts(std::min<size_t>(texts.size(), kParts));
  std::vector<double> cost(parts.size(), 0);
  for (const size_t i : order) {
    const auto least =
        static_cast<size_t>(std::min_element(cost.begin(), cost.end()) - cost.begin());
    parts[least].push_back(i);
    cost[least] += texts[i].products();
  }
  return parts;
}

/// Runs body(part, head, scratch) for every pair, on all threads.
template <typename Body>
void for_each_head(const Plan& plan, const Body& body) {
  std::atomic<int64_t> next{0};
  const auto all = static_cast<int64_t>(plan.parts.size()) * plan.heads;
  const int64_t threads = plan.products < kWorthThreads ? 1 : at::get_num_threads();
  parallel_for(std::min<int64_t>(all, threads), [&](int64_t, int64_t) {
    std::vector<float> scratch;
    for (int64_t i = next++; i < all; i = next++) body(i / plan.heads, i % plan.heads, scratch);
  });
}

/// What one head reads of one text.
struct Head {
  Rows q, k, v, keys, queries;
};

struct Inputs {
  Rows q, k, v, keys, queries;
  Head of(const Plan& plan, const Text& t, int64_t head) const {
    const int64_t column = head * plan.width;
    return {q.from(t.query, column), k.from(t.key, column), v.from(t.key, column),
            keys.from(t.first, column), queries.from(t.first, column)};
  }
};

/// Scratch of one text: products of tokens with relative rows, and with each other.
struct Room {
  float* by_queries;  // [kTile, stride]: a tile of q with `keys`
  float* by_keys;     // [keys, stride]: k with `queries`
  int64_t stride;
};

/// k with the relative rows that meet it, for all of a text's queries.
void meet_keys(const Plan& plan, const Text& t, const Head& h, const Room& room) {
  if (!h.queries.data) return;
  gemm(t.keys, t.rows, plan.width, 1, h.k.operand(), h.queries.operand(true), 0, room.by_keys,
       room.stride);
}

/// The sums of products of `rows` queries from i on: [rows, keys].
void sum_products(const Plan& plan, const Text& t, const Head& h, int64_t i, int64_t rows,
                  const Room& room, float* sums) {
  const Rows q = h.q.from(i, 0);
  gemm(rows, t.keys, plan.width, 1, q.operand(), h.k.operand(true), 0, sums, t.keys);
  if (h.keys.data)
    gemm(rows, t.rows, plan.width, 1, q.operand(), h.keys.operand(true), 0, room.by_queries,
         room.stride);
  for (int64_t r = 0; r < rows; ++r) {
    float* line = sums + r * t.keys;
    const int64_t* row = plan.row_of + i + r;
    if (h.keys.data) {
      const float* terms = room.by_queries + r * room.stride;
      for (int64_t j = 0; j < t.keys; ++j) line[j] += terms[row[-j] - t.first];
    }
    if (h.queries.data) {
      const float* terms = room.by_keys;
      for (int64_t j = 0; j < t.keys; ++j, terms += room.stride)
        line[j] += terms[row[-j] - t.first];
    }
  }
}

void forward_loops(const Plan& plan, const Inputs& in, const Target& out, float* log_sums) {
  const AttentionLines& lines = attention_lines();
  for_each_head(plan, [&](int64_t part, int64_t head, std::vector<float>& scratch) {
    for (const size_t index : plan.parts[static_cast<size_t>(part)]) {
      const Text& t = plan.texts[index];
      if (t.queries == 0) continue;
      const Head h = in.of(plan, t, head);
      const int64_t tile = std::min(kTile, t.queries);
      const int64_t stride = spread(t.rows);
      scratch.resize(static_cast<size_t>((tile + t.keys) * stride + tile * t.keys));
      const Room room{scratch.data(), scratch.data() + tile * stride, stride};
      float* sums = room.by_keys + t.keys * stride;
      meet_keys(plan, t, h, room);
      const Target result = out.from(t.query, head * plan.width);
      for (int64_t i = 0; i < t.queries; i += tile) {
        const int64_t rows = std::min(tile, t.queries - i);
        sum_products(plan, t, h, i, rows, room, sums);
        for (int64_t r = 0; r < rows; ++r) {
          const int64_t row = t.query + i + r;
          log_sums[row * plan.heads + head] = lines.probabilities(
              sums + r * t.keys, t.keys, 0, t.keys, plan.scores, plan.row_seed(row, head));
        }
        gemm(rows, plan.width, t.keys, 1, {sums, t.keys}, h.v.operand(), 0, result.from(i, 0).data,
             result.stride);
      }
    }
  });
}

struct Gradients {
  Target q, k, v;
  std::vector<Target> keys, queries;  // by part
};

/// Gradients of one head of one text.
void backward_text(const Plan& plan, const Text& t, const Head& h, int64_t head, const Rows& grad,
                   const Rows& out, const float* log_sums, const Gradients& into, int64_t part,
                   std::vector<float>& scratch) {
  const AttentionLines& lines = attention_lines();
  const int64_t d = plan.width;
  const int64_t n = t.keys;
  const int64_t tile = std::min(kTile, t.queries);
  const int64_t stride = spread(t.rows);
  scratch.resize(static_cast<size_t>(2 * ((tile + n) * stride + tile * n)));
  const Room room{scratch.data(), scratch.data() + tile * stride, stride};
  float* sums = room.by_keys + n * stride;
  float* grads = sums + tile * n;
  const Room turned{grads + tile * n, grads + tile * (n + stride), stride};  // gradients of `room`
  const int64_t column = head * d;
  const Target dq = into.q.from(t.query, column);
  const Target dk = into.k.from(t.key, column);
  const Target dv = into.v.from(t.key, column);
  const auto at_part = static_cast<size_t>(part);
  meet_keys(plan, t, h, room);
  if (h.queries.data) std::fill_n(turned.by_keys, n * stride, 0.0F);
  for (int64_t i = 0; i < t.queries; i += tile) {
    const int64_t rows = std::min(tile, t.queries - i);
    const float again = i == 0 ? 0.0F : 1.0F;
    const Rows g = grad.from(t.query + i, column);
    const Rows o = out.from(t.query + i, column);
    const Rows q = h.q.from(i, 0);
    sum_products(plan, t, h, i, rows, room, sums);
    gemm(rows, n, d, 1, g.operand(), h.v.operand(true), 0, grads, n);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t row = t.query + i + r;
      const float inner = std::inner_product(o.data + r * o.stride, o.data + r * o.stride + d,
                                             g.data + r * g.stride, 0.0F);
      lines.backward(sums + r * n, grads + r * n, n, 0, n, plan.scores, plan.row_seed(row, head),
                     log_sums[row * plan.heads + head], inner);
    }
    gemm(n, d, rows, 1, {sums, n, true}, g.operand(), again, dv.data, dv.stride);
    gemm(n, d, rows, 1, {grads, n, true}, q.operand(), again, dk.data, dk.stride);
    const Target dq_tile = dq.from(i, 0);
    gemm(rows, d, n, 1, {grads, n}, h.k.operand(), 0, dq_tile.data, dq_tile.stride);
    for (int64_t r = 0; r < rows; ++r) {
      const float* line = grads + r * n;
      const int64_t* row = plan.row_of + i + r;
      if (h.keys.data) {
        float* terms = turned.by_queries + r * stride;
        std::fill_n(terms, t.rows, 0.0F);
        for (int64_t j = 0; j < n; ++j) terms[row[-j] - t.first] += line[j];
      }
      if (h.queries.data) {
        float* terms = turned.by_keys;
        for (int64_t j = 0; j < n; ++j, terms += stride) terms[row[-j] - t.first] += line[j];
      }
    }
    if (h.keys.data) {
      const Target dkeys = into.keys[at_part].from(t.first, column);
      gemm(rows, d, t.rows, 1, {turned.by_queries, stride}, h.keys.operand(), 1, dq_tile.data,
           dq_tile.stride);
      gemm(t.rows, d, rows, 1, {turned.by_queries, stride, true}, q.operand(), 1, dkeys.data,
           dkeys.stride);
    }
  }
  if (h.queries.data) {
    const Target dqueries = into.queries[at_part].from(t.first, column);
    gemm(n, d, t.rows, 1, {turned.by_keys, stride}, h.queries.operand(), 1, dk.data, dk.stride);
    gemm(t.rows, d, n, 1, {turned.by_keys, stride, true}, h.k.operand(), 1, dqueries.data,
         dqueries.stride);
  }
}

/// The loops read float32 at any distance of rows, but neighbouring numbers.
at::Tensor readable(const at::Tensor& t) {
  if (!t.defined()) return t;
  const at::Tensor wide = t.to(at::kFloat);
  return wide.stride(1) == 1 ? wide : wide.contiguous();
}

struct Tensors {
  at::Tensor q, k, v, keys, queries;  // readable
  Inputs inputs() const { return {Rows(q), Rows(k), Rows(v), Rows(keys), Rows(queries)}; }
};

Plan make_plan(const at::Tensor& q, const at::Tensor& lengths, const at::Tensor& query_lengths,
               const RelativeRows& relative, const DisentangledAttention& rule, uint64_t seed) {
  Plan plan;
  plan.texts = texts_of(lengths, query_lengths, relative);
  plan.parts = parts_of(plan.texts);
  plan.row_of = relative.of_distance.const_data_ptr<int64_t>() + relative.zero;
  plan.heads = rule.heads;
  plan.width = q.size(1) / rule.heads;
  plan.seed = seed;
  plan.products = 0;
  for (const Text& t : plan.texts) plan.products += t.products() * static_cast<double>(q.size(1));
  plan.scores.scale = static_cast<float>(rule.scale);
  if (rule.dropout > 0) {
    plan.scores.drop = static_cast<uint32_t>(std::min(rule.dropout * 4294967296.0, 4294967295.0));
    plan.scores.kept = static_cast<float>(1 / (1 - rule.dropout));
  }
  return plan;
}

/// What does not change between forward and backward, beside tensors.
struct Settings {
  DisentangledAttention rule;
  int64_t zero;
  int64_t seed;
};

using MaybeTensor = std::optional<at::Tensor>;
MaybeTensor maybe(const at::Tensor& t) {
  return t.defined() ? std::make_optional(t) : std::nullopt;
}

class Attend : public torch::autograd::Function<Attend> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const MaybeTensor& keys,
                            const MaybeTensor& queries, const at::Tensor& lengths,
                            const MaybeTensor& query_lengths, const at::Tensor& of_distance,
                            const Settings& settings) {
    const Tensors t{readable(q), readable(k), readable(v), readable(keys.value_or(at::Tensor())),
                    readable(queries.value_or(at::Tensor()))};
    const at::Tensor some = query_lengths.value_or(at::Tensor());
    const Plan plan = make_plan(q, lengths, some, {0, 0, of_distance, settings.zero}, settings.rule,
                                static_cast<uint64_t>(settings.seed));
    const at::Tensor wide = at::empty(q.sizes(), q.options().dtype(at::kFloat));
    const at::Tensor log_sums = at::empty({q.size(0), settings.rule.heads}, at::kFloat);
    forward_loops(plan, t.inputs(), Target(wide), log_sums.data_ptr<float>());
    at::Tensor out = wide.to(q.scalar_type());
    // As they came: what a narrow type saves is saved here, too.
    ctx->save_for_backward({q, k, v, keys.value_or(at::Tensor()), queries.value_or(at::Tensor()),
                            out, log_sums, lengths, some, of_distance});
    ctx->saved_data["heads"] = settings.rule.heads;
    ctx->saved_data["scale"] = settings.rule.scale;
    ctx->saved_data["dropout"] = settings.rule.dropout;
    ctx->saved_data["zero"] = settings.zero;
    ctx->saved_data["seed"] = settings.seed;
    return out;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor& q = saved[0];
    const at::Tensor& k = saved[1];
    const Tensors t{readable(q), readable(k), readable(saved[2]), readable(saved[3]),
                    readable(saved[4])};
    const DisentangledAttention rule{ctx->saved_data["heads"].toInt(),
                                     ctx->saved_data["scale"].toDouble(),
                                     ctx->saved_data["dropout"].toDouble()};
    const Plan plan =
        make_plan(q, saved[7], saved[8], {0, 0, saved[9], ctx->saved_data["zero"].toInt()}, rule,
                  static_cast<uint64_t>(ctx->saved_data["seed"].toInt()));
    const at::Tensor grad = readable(grads[0]);
    const at::Tensor out = readable(saved[5]);
    const auto wide = q.options().dtype(at::kFloat);
    // In one storage where the rows go together: where q, k and v came from one product, their
    // gradients go back as one.
    const bool together = q.size(0) == k.size(0);
    const int64_t width = q.size(1);
    const at::Tensor all = at::empty({k.size(0), (together ? 3 : 2) * width}, wide);
    const at::Tensor dq = together ? all.narrow(1, 0, width) : at::empty(q.sizes(), wide);
    const at::Tensor dk = all.narrow(1, all.size(1) - 2 * width, width);
    const at::Tensor dv = all.narrow(1, all.size(1) - width, width);
    at::Tensor dkeys, dqueries;
    Gradients into{Target(dq), Target(dk), Target(dv), {}, {}};
    const auto parts = static_cast<int64_t>(plan.parts.size());
    const auto by_part = [&](const at::Tensor& like, std::vector<Target>& targets) {
      if (!like.defined()) return at::Tensor();
      at::Tensor sums = at::zeros({parts, like.size(0), width}, wide);
      for (int64_t p = 0; p < parts; ++p) targets.emplace_back(sums[p]);
      return sums;
    };
    dkeys = by_part(t.keys, into.keys);
    dqueries = by_part(t.queries, into.queries);
    const Inputs in = t.inputs();
    for_each_head(plan, [&](int64_t part, int64_t head, std::vector<float>& scratch) {
      for (const size_t index : plan.parts[static_cast<size_t>(part)]) {
        const Text& text = plan.texts[index];
        if (text.queries == 0) continue;
        backward_text(plan, text, in.of(plan, text, head), head, Rows(grad), Rows(out),
                      saved[6].const_data_ptr<float>(), into, part, scratch);
      }
    });
    const auto type = q.scalar_type();
    const auto sum = [&](const at::Tensor& sums) {
      return sums.defined() ? sums.sum(0).to(type) : sums;
    };
    return {dq.to(type), dk.to(type), dv.to(type), sum(dkeys), sum(dqueries), {}, {}, {}, {}};
  }
};

/// Of x [..., n, n + m] what stands at row i and column j - i + n - 1: [..., n, m].
at::Tensor skewed(const at::Tensor& x, int64_t m) {
  const int64_t n = x.size(-2);
  return x.flatten(-2)
      .narrow(-1, n - 1, n * (n + m - 1))
      .unflatten(-1, {n, n + m - 1})
      .narrow(-1, 0, m);
}

/// The same with LibTorch's operators, on padded texts: for other devices and types.
at::Tensor attend_padded(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         const std::vector<Text>& texts, const RelativeTerms& relative,
                         const DisentangledAttention& rule, const Context& context) {
  const auto batch = static_cast<int64_t>(texts.size());
  const int64_t d = q.size(1) / rule.heads;
  std::vector<RowRange> query_ranges, key_ranges;
  for (const Text& t : texts) {
    query_ranges.push_back({t.query, t.queries});
    key_ranges.push_back({t.key, t.keys});
  }
  const PaddedRows queries(query_ranges, q.device()), keys(key_ranges, q.device());
  const auto heads_of = [&](const at::Tensor& t, const PaddedRows& rows) {
    return rows.pad(t).view({batch, rows.size(), rule.heads, d}).transpose(1, 2);
  };
  // The products with relative rows, a column a distance: the first one's, then one less each time
  // or one more. Rows of far distances are multiplied several times, but no gradients are added up
  // in places that change from run to run.
  const auto terms = [&](const at::Tensor& x, const at::Tensor& rows, int64_t first, int64_t step,
                         int64_t others) {
    const int64_t last = relative.rows.of_distance.size(0) - 1;
    const at::Tensor distances = at::arange(x.size(2) + others).mul_(step).add_(first);
    const at::Tensor index = relative.rows.of_distance.index_select(
        0, distances.add_(relative.rows.zero).clamp_(0, last));
    const at::Tensor there = rows.index_select(0, index.to(rows.device()));
    return skewed(at::matmul(x, there.view({-1, rule.heads, d}).permute({1, 2, 0})), others);
  };
  const at::Tensor query = heads_of(q, queries);
  const at::Tensor key = heads_of(k, keys);
  at::Tensor scores = at::matmul(query, key.transpose(-2, -1));
  if (relative.keys.defined())
    scores = scores + terms(query, relative.keys, queries.size() - 1, -1, keys.size());
  if (relative.queries.defined()) {
    scores =
        scores + terms(key, relative.queries, 1 - keys.size(), 1, queries.size()).transpose(-2, -1);
  }
  // A text without tokens sees padding: a softmax of nothing is no number.
  const at::Tensor there = keys.counts().view({-1, 1, 1, 1});
  const at::Tensor outside = (at::arange(keys.size(), there.options()) >= there) & (there > 0);
  scores = (scores * rule.scale).masked_fill(outside, -std::numeric_limits<double>::infinity());
  const auto wide = q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor p =
      dropout(at::softmax(scores, -1, wide).to(q.scalar_type()), rule.dropout, context);
  return queries.unpad(
      at::matmul(p, heads_of(v, keys)).transpose(1, 2).reshape({batch, queries.size(), q.size(1)}));
}

void count(CostMeter& meter, const std::vector<Text>& texts, int64_t width,
           const RelativeTerms& relative, const Context& context) {
  double products = 0;
  for (const Text& t : texts) {
    const auto queries = static_cast<double>(t.queries);
    const auto keys = static_cast<double>(t.keys);
    const auto rows = static_cast<double>(t.rows);
    products += 2 * queries * keys;
    if (relative.keys.defined()) products += queries * rows;
    if (relative.queries.defined()) products += keys * rows;
  }
  meter.add({context.block, 2 * products * static_cast<double>(width), false, false});
}

}  // namespace

at::Tensor attend_disentangled(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const at::Tensor& lengths, const RelativeTerms& relative,
                               const DisentangledAttention& rule, const Context& context,
                               const at::Tensor& query_lengths) {
  if (CostMeter* meter = CostMeter::active())
    count(*meter, texts_of(lengths, query_lengths, relative.rows), q.size(1), relative, context);
  if (!has_cpu_loops(q)) {
    return attend_padded(q, k, v, texts_of(lengths, query_lengths, relative.rows), relative, rule,
                         context);
  }
  Settings settings{rule, relative.rows.zero, 0};
  if (!context.random()) settings.rule.dropout = 0;
  if (settings.rule.dropout > 0)
    settings.seed = at::empty({}, at::kLong).random_(context.generator).item<int64_t>();
  return Attend::apply(q, k, v, maybe(relative.keys), maybe(relative.queries), lengths,
                       maybe(query_lengths), relative.rows.of_distance, settings);
}

}  // namespace graft::nn
