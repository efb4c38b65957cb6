#include "graft/nn/sequence_attention.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "graft/base/error.h"
#include "graft/nn/attention_loops.h"
#include "graft/nn/cost_meter.h"
#include "graft/nn/cpu_loops.h"
#include "graft/nn/dropout.h"
#include "graft/nn/padded_rows.h"

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::vector<AttendedRows> sequences_of(const at::Tensor& lengths, const at::Tensor& key_lengths,
                                       const at::Tensor& key_rows = {}) {
  const auto* q = lengths.const_data_ptr<int64_t>();
  const auto* k = key_lengths.defined() ? key_lengths.const_data_ptr<int64_t>() : q;
  const auto* rows = key_rows.defined() ? key_rows.const_data_ptr<int64_t>() : nullptr;
  std::vector<AttendedRows> sequences;
  AttendedRows s{0, 0, 0, 0};
  for (int64_t i = 0; i < lengths.size(0); ++i) {
    s = {s.query + s.queries, q[i], rows ? rows[i] : s.key + s.keys, k[i]};
    sequences.push_back(s);
  }
  return sequences;
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
    const AttentionPlan plan =
        plan_attention(q, sequences_of(lengths, key_lengths.value_or(at::Tensor())), rule,
                       static_cast<uint64_t>(seed));
    const at::Tensor out = at::empty(q.sizes(), q.options());
    const at::Tensor log_sums = at::empty({q.size(0), rule.heads}, at::kFloat);
    attention_forward(plan, q, k, v, out, log_sums.data_ptr<float>());
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
    const AttentionPlan plan = plan_attention(q, sequences_of(saved[5], saved[6]), rule, seed);
    const at::Tensor g = readable(grads[0].to(q.scalar_type()));
    const auto [dq, dk, dv] = gradients_like(q, k);
    attention_backward(plan, g, q, k, v, out, saved[4].const_data_ptr<float>(), dq, dk, dv);
    return {dq, dk, dv, {}, {}, {}, {}};
  }
};

/// The same without a graph, of keys that may lie anywhere.
at::Tensor attend_only(const at::Tensor& q_in, const at::Tensor& k_in, const at::Tensor& v_in,
                       std::vector<AttendedRows> sequences, const SequenceAttention& rule,
                       int64_t seed) {
  const at::Tensor q = readable(q_in);
  at::Tensor out = at::empty(q.sizes(), q.options());
  std::vector<float> log_sums(static_cast<size_t>(q.size(0) * rule.heads));
  attention_forward(plan_attention(q, std::move(sequences), rule, static_cast<uint64_t>(seed)), q,
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
Padded pad(const std::vector<AttendedRows>& sequences, const SequenceAttention& rule,
           const at::Tensor& like, bool fused) {
  std::vector<RowRange> queries, keys;
  int64_t longest = 0;
  for (const AttendedRows& s : sequences) {
    queries.push_back({s.query, s.queries});
    keys.push_back({s.key, s.keys});
    longest = std::max(longest, s.keys);
  }
  const bool far = rule.left >= longest - 1;
  const bool causal =
      fused && far && rule.right == 0 &&
      std::ranges::all_of(sequences, [](const AttendedRows& s) { return s.queries == s.keys; });
  const bool all = far && std::ranges::all_of(sequences, [&](const AttendedRows& s) {
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
std::shared_ptr<const Padded> padded_once(const std::vector<AttendedRows>& sequences,
                                          const SequenceAttention& rule, const at::Tensor& like,
                                          bool fused) {
  struct Known {
    int64_t left, right;
    at::TensorOptions options;
    bool fused;
    std::shared_ptr<const Padded> padded;
  };
  thread_local std::vector<AttendedRows> of;
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
                         const std::vector<AttendedRows>& sequences, const SequenceAttention& rule,
                         const Context& context) {
  // Fused kernels know no cap. They draw from the device's generator (new_generator).
  const bool fused = !q.is_cpu() && q.scalar_type() != at::kDouble && rule.soft_cap <= 0;
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
    mixed = at::scaled_dot_product_attention(
        query, key, value, mask, rule.dropout > 0 && context.random() ? rule.dropout : 0,
        padded->causal, scale);
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

void count(CostMeter& meter, const std::vector<AttendedRows>& sequences, int64_t width,
           const SequenceAttention& rule, const Context& context) {
  double pairs = 0;
  for (const AttendedRows& s : sequences) {
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
  std::vector<AttendedRows> sequences = sequences_of(lengths, key_lengths, key_rows);
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
