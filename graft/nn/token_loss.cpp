#include "graft/nn/token_loss.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <optional>

#include "graft/base/error.h"
#include "graft/nn/cpu_loops.h"
#include "graft/nn/linear.h"
#include "graft/nn/token_passes.h"

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Products of fewer rows wait for the matrix.
constexpr int64_t kLogitsAtATime = int64_t{1} << 24;
constexpr int64_t kFewestRows = 256;

/// Logits of some rows.
struct Logits {
  at::Tensor values;
  /// Nothing but products made them, and our own loops take them as they are; others are in
  /// float32.
  bool plain = false;
  at::Tensor slope;  ///< of the cap, where there is one
};

/// Rows that meet a matrix: both make rows x matrix^T of the logits.
struct Term {
  at::Tensor rows;    ///< [n, k]
  at::Tensor matrix;  ///< [V, k], in the type of the rows
};
using Terms = std::vector<Term>;

Terms terms_of(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& low,
               const at::Tensor& b) {
  Terms terms{{x, cast_like(weight, x)}};
  if (low.defined()) terms.push_back({low, cast_like(b, x)});
  return terms;
}

Terms some(const Terms& terms, int64_t first, int64_t n) {
  Terms part = terms;
  for (Term& term : part) term.rows = term.rows.narrow(0, first, n);
  return part;
}

/// The products go into `room` [at least as many rows, V]. `bias` [V] may be undefined.
Logits logits_of(const Terms& terms, const at::Tensor& bias, double cap, const at::Tensor& room) {
  Logits logits;
  logits.values = room.narrow(0, 0, terms[0].rows.size(0));
  at::mm_out(logits.values, terms[0].rows, terms[0].matrix.t());
  for (size_t i = 1; i < terms.size(); ++i)
    logits.values.addmm_(terms[i].rows, terms[i].matrix.t());
  logits.plain = has_cpu_loops(logits.values) && !bias.defined() && cap <= 0;
  if (logits.plain) return logits;
  if (at::isReducedFloatingType(logits.values.scalar_type()))
    logits.values = logits.values.to(at::kFloat);
  if (bias.defined()) logits.values.add_(bias);
  if (cap > 0) {
    const at::Tensor bent = logits.values.div_(cap).tanh_();
    logits.slope = 1 - bent.square();
    logits.values = bent * cap;
  }
  return logits;
}

/// Of some rows, [n] each. `scale`, where it is defined, multiplies their gradients.
struct Rows {
  at::Tensor targets, losses, hits, scale;
};

/// Writes losses and hits. Where they are asked for, the gradients [n, V] of the losses come back,
/// in the type of the rows. The logits turn into them in place: every pass over them counts.
at::Tensor take_losses(const Logits& logits, const Rows& rows, at::ScalarType type,
                       bool gradients) {
  if (logits.plain) {
    cross_entropy_in_place(logits.values, rows.targets, rows.losses, rows.hits, gradients,
                           rows.scale);
    return logits.values;
  }
  const at::Tensor wanted = rows.targets.unsqueeze(1);
  const at::Tensor right = logits.values.gather(1, wanted);
  const at::Tensor highest = logits.values.amax(1, true);
  at::Tensor g = logits.values.sub_(highest).exp_();
  const at::Tensor sums = g.sum(1, true);
  rows.hits.copy_(right.eq(highest).squeeze(1));
  rows.losses.copy_((highest + sums.log() - right).squeeze(1));
  if (!gradients) return {};
  g.div_(sums);
  g.scatter_add_(1, wanted, at::full({wanted.size(0), 1}, -1, g.options()));
  if (logits.slope.defined()) g.mul_(logits.slope);
  if (rows.scale.defined()) g.mul_(rows.scale.unsqueeze(1));
  return g.to(type);
}

/// Calls `part(first, n, room)` for as many rows at a time as may have logits, which have room.
template <class Part>
void for_some_rows(const at::Tensor& x, int64_t vocabulary, const Part& part) {
  const int64_t rows = x.size(0);
  const int64_t step = std::min(rows, std::max(kFewestRows, kLogitsAtATime / vocabulary));
  const at::Tensor room = at::empty({step, vocabulary}, x.options());
  for (int64_t first = 0; first < rows; first += step)
    part(first, std::min(step, rows - first), room);
}

/// Sums over rows of the gradients of what the output learns; undefined: it does not.
struct OutputGradients {
  /// Zeros for what learns of the matrices, one a term, and of the bias.
  OutputGradients(const std::vector<at::Tensor>& of_terms, const at::Tensor& added,
                  at::ScalarType wide) {
    const auto zeros = [wide](const at::Tensor& t) {
      const bool learns = t.defined() && t.requires_grad();
      return learns ? at::zeros(t.sizes(), t.options().dtype(wide)) : at::Tensor();
    };
    for (const at::Tensor& matrix : of_terms) matrices.push_back(zeros(matrix));
    bias = zeros(added);
  }
  OutputGradients(std::vector<at::Tensor> of_terms, at::Tensor added)
      : matrices(std::move(of_terms)), bias(std::move(added)) {}
  bool wanted() const {
    return bias.defined() || std::any_of(matrices.begin(), matrices.end(),
                                         [](const at::Tensor& t) { return t.defined(); });
  }
  void add(const at::Tensor& of_logits, const Terms& terms) const {
    for (size_t i = 0; i < terms.size(); ++i) {
      if (!matrices[i].defined()) continue;
      if (matrices[i].scalar_type() == of_logits.scalar_type())
        matrices[i].addmm_(of_logits.t(), terms[i].rows);
      else
        matrices[i].add_(of_logits.t().mm(terms[i].rows));
    }
    if (bias.defined()) bias.add_(of_logits.sum(0, false, bias.scalar_type()));
  }
  void clear() const {
    for (const at::Tensor& matrix : matrices) {
      if (matrix.defined()) matrix.zero_();
    }
    if (bias.defined()) bias.zero_();
  }

  std::vector<at::Tensor> matrices;
  at::Tensor bias;
};

class LinearCrossEntropy : public torch::autograd::Function<LinearCrossEntropy> {
 public:
  /// x, low and targets hold learned rows only. Autograd takes no undefined tensors.
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                               const std::optional<at::Tensor>& given_low,
                               const std::optional<at::Tensor>& given_b,
                               const std::optional<at::Tensor>& given_bias,
                               const at::Tensor& targets, double cap) {
    const at::Tensor low = given_low.value_or(at::Tensor());
    const at::Tensor b = given_b.value_or(at::Tensor());
    const at::Tensor bias = given_bias.value_or(at::Tensor());
    const Terms terms = terms_of(x, weight, low, b);
    const int64_t rows = x.size(0);
    const auto wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const at::Tensor losses = at::empty({rows}, x.options().dtype(wide));
    const at::Tensor hits = at::empty({rows}, x.options().dtype(at::kBool));
    const auto room = [](const at::Tensor& t) {
      return t.defined() && t.requires_grad() ? at::empty_like(t) : at::Tensor();
    };
    const std::vector<at::Tensor> of_rows{room(x), room(low)};
    const OutputGradients sums({weight, b}, bias, wide);
    const bool gradients = of_rows[0].defined() || of_rows[1].defined() || sums.wanted();
    for_some_rows(x, weight.size(0), [&](int64_t first, int64_t n, const at::Tensor& room) {
      const Terms part = some(terms, first, n);
      const Rows some_rows{
          targets.narrow(0, first, n), losses.narrow(0, first, n), hits.narrow(0, first, n), {}};
      const at::Tensor made =
          take_losses(logits_of(part, bias, cap, room), some_rows, x.scalar_type(), gradients);
      for (size_t i = 0; i < part.size(); ++i) {
        if (!of_rows[i].defined()) continue;
        at::Tensor of_these = of_rows[i].narrow(0, first, n);
        at::mm_out(of_these, made, part[i].matrix);
      }
      if (sums.wanted()) sums.add(made, part);
    });
    variable_list saved{of_rows[0], of_rows[1]};
    // Only gradients of the output need more than the rows' own.
    if (sums.wanted()) {
      saved.insert(saved.end(), {x, weight, low, b, bias, targets});
      ctx->saved_data["sums"] = variable_list{sums.matrices[0], sums.matrices[1], sums.bias};
    }
    ctx->save_for_backward(saved);
    ctx->saved_data["cap"] = cap;
    ctx->set_materialize_grads(false);
    ctx->mark_non_differentiable({hits});
    return {losses.sum(), losses, hits};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    // Taken, not read: as large as the vocabulary, they are scaled where they are and handed on.
    variable_list taken(3);
    if (saved.size() > 2) {
      const auto found = ctx->saved_data.find("sums");
      GRAFT_ASSERT(found != ctx->saved_data.end());  // backward a second time
      taken = found->second.toTensorVector();
      ctx->saved_data.erase(found);
    }
    const OutputGradients sums({std::move(taken[0]), std::move(taken[1])}, std::move(taken[2]));
    const at::Tensor& of_sum = grads[0];
    const at::Tensor& of_rows = grads[1];
    variable_list result(7);
    if (!of_sum.defined() && !of_rows.defined()) return result;
    at::Tensor scale = of_sum;  // a number, or one a row
    if (of_rows.defined()) {
      scale = of_sum.defined() ? of_rows + of_sum : of_rows;
      if (sums.wanted()) add_scaled(sums, ctx->saved_data["cap"].toDouble(), saved, scale);
    }
    const at::Tensor factor = of_rows.defined() ? scale.unsqueeze(1) : scale;
    for (const size_t i : {0U, 1U}) {  // x and low
      if (saved[i].defined()) result[2 * i] = (saved[i] * factor).to(saved[i].scalar_type());
    }
    const auto finish = [&](const at::Tensor& sum, const at::Tensor& like) {
      return (of_rows.defined() ? sum : sum.mul_(scale)).to(like.scalar_type());
    };
    if (sums.matrices[0].defined()) result[1] = finish(sums.matrices[0], saved[3]);
    if (sums.matrices[1].defined()) result[3] = finish(sums.matrices[1], saved[5]);
    if (sums.bias.defined()) result[4] = finish(sums.bias, saved[6]);
    return result;
  }

 private:
  /// Makes the sums anew, of rows that count differently. The logits are made once more: nothing
  /// holds them.
  static void add_scaled(const OutputGradients& sums, double cap, const variable_list& saved,
                         const at::Tensor& scale) {
    const at::Tensor& x = saved[2];
    const at::Tensor& bias = saved[6];
    const at::Tensor& targets = saved[7];
    const at::NoGradGuard no_grad;
    const Terms terms = terms_of(x, saved[3], saved[4], saved[5]);
    sums.clear();  // the room of those of the sum, which is not asked for
    for_some_rows(x, saved[3].size(0), [&](int64_t first, int64_t n, const at::Tensor& room) {
      const Terms part = some(terms, first, n);
      const Rows some_rows{targets.narrow(0, first, n), at::empty({n}, scale.options()),
                           at::empty({n}, scale.options().dtype(at::kBool)),
                           scale.narrow(0, first, n)};
      sums.add(take_losses(logits_of(part, bias, cap, room), some_rows, x.scalar_type(), true),
               part);
    });
  }
};

}  // namespace

TokenLoss token_loss(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& targets,
                     double cap, const at::Tensor& bias, const LowRankLogits& update) {
  GRAFT_ASSERT(x.size(0) == targets.size(0));
  const at::Tensor learned = targets.ge(0).nonzero().squeeze(1);
  const bool all = learned.size(0) == targets.size(0);
  const auto of = [&](const at::Tensor& t) {
    return all || !t.defined() ? t : t.index_select(0, learned);
  };
  const auto optional = [](const at::Tensor& t) {
    return t.defined() ? std::make_optional(t) : std::nullopt;
  };
  const auto parts =
      LinearCrossEntropy::apply(of(x), weight, optional(of(update.low)), optional(update.b),
                                optional(bias), of(targets), cap);
  return {parts[0], parts[1], parts[2]};
}

}  // namespace graft::nn
