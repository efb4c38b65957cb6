#include "graft/nn/linear.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "graft/nn/cost_meter.h"
#include "graft/nn/embedding.h"
#include "graft/nn/low_rank_linear.h"

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// One product for all members forward and for the input's gradient; weight gradients only of
/// members that want them. Arguments: x, packed weight, packed bias, widths, then weights and
/// biases of the members.
class GroupedLinear : public torch::autograd::Function<GroupedLinear> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const std::vector<int64_t>& outs,
                            at::TensorList members) {
    bool weights = false;
    bool biases = false;
    const size_t n = bias ? members.size() / 2 : members.size();
    for (size_t i = 0; i < members.size(); ++i)
      (i < n ? weights : biases) |= members[i].requires_grad();
    ctx->saved_data["outs"] = outs;
    ctx->saved_data["biases"] = bias.has_value();
    // A frozen weight may be held in another type than a bias that learns.
    if (bias) ctx->saved_data["bias_type"] = static_cast<int64_t>(bias->scalar_type());
    ctx->save_for_backward({weights ? x : at::Tensor(), weight});
    const at::Tensor w = cast_like(weight, x);
    return at::linear(x, w, bias ? cast_like(*bias, x) : at::Tensor());
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor& x = saved[0];
    const auto outs = ctx->saved_data["outs"].toIntVector();
    const auto n = static_cast<int64_t>(outs.size());
    const bool has_bias = ctx->saved_data["biases"].toBool();
    const at::Tensor g = grads[0].flatten(0, -2);
    const at::Tensor weight = cast_like(saved[1], g);
    // The list of widths has a place among the results as well.
    variable_list result(static_cast<size_t>(4 + (has_bias ? 2 * n : n)));
    if (ctx->needs_input_grad(0)) {
      auto shape = grads[0].sizes().vec();
      shape.back() = weight.size(1);
      result[0] = g.mm(weight).view(shape);
    }
    // Autograd counts what is no tensor, and an absent bias, among the results, but not among the
    // inputs it asks about.
    const auto wanted = [&](int64_t slot) {
      return ctx->needs_input_grad(static_cast<size_t>(has_bias ? slot - 1 : slot - 2));
    };
    bool all = true;
    for (int64_t i = 0; i < n; ++i) all = all && wanted(4 + i);
    const at::Tensor flat = x.defined() ? x.flatten(0, -2) : x;
    at::Tensor together;
    if (all) together = g.t().mm(flat);
    int64_t first = 0;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t rows = outs[static_cast<size_t>(i)];
      const auto slot = static_cast<size_t>(4 + i);
      const at::Tensor part = g.narrow(1, first, rows);
      if (all)
        result[slot] = together.narrow(0, first, rows).to(saved[1].scalar_type());
      else if (wanted(4 + i))
        result[slot] = part.t().mm(flat).to(saved[1].scalar_type());
      const auto bias_slot = static_cast<size_t>(4 + n + i);
      if (has_bias && wanted(4 + n + i)) {
        const auto type = static_cast<at::ScalarType>(ctx->saved_data["bias_type"].toInt());
        result[bias_slot] = part.sum(0, false, type);
      }
      first += rows;
    }
    return result;
  }
};

}  // namespace

at::Tensor cast_like(const at::Tensor& parameter, const at::Tensor& x) {
  if (!parameter.defined() || parameter.scalar_type() == x.scalar_type()) return parameter;
  return parameter.to(x.scalar_type());
}

Linear::Linear(const Scope& scope, int64_t in, int64_t out, bool bias)
    : path_(scope.path()), block_(scope.block()), own_(at::zeros({out, in})), weight_(&own_) {
  scope.add("weight", own_, Role::weight);
  finish(scope, out, bias);
}

Linear::Linear(const Scope& scope, Embedding& table, bool bias)
    : path_(scope.path()), block_(scope.block()), weight_(&table.weight()) {
  finish(scope, weight_->size(0), bias);
}

void Linear::finish(const Scope& scope, int64_t out, bool bias) {
  if (bias) {
    bias_ = at::zeros({out});
    scope.add("bias", bias_, Role::bias);
  }
  scope.add(*this);
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  count(x);
  if (adapters().empty()) return at::linear(x, cast_like(weight(), x), cast_like(bias_, x));
  if (const auto updates = low_rank_updates({this}); !updates.empty()) {
    return low_rank_linear(x, weight(), bias_.defined() ? std::make_optional(bias_) : std::nullopt,
                           {weight().size(0)}, updates);
  }
  const at::Tensor in = adapt_input(x);
  return adapt_output(in, at::linear(in, cast_like(weight(), in), cast_like(bias_, in)));
}

void Linear::count(const at::Tensor& x) const {
  CostMeter* meter = CostMeter::active();
  if (!meter) return;
  const double rows = static_cast<double>(x.numel()) / static_cast<double>(x.size(-1));
  meter->add({block_, 2 * rows * static_cast<double>(weight().numel())});
  for (const auto& adapter : adapters()) meter->add({block_, adapter->flops(rows), true});
}

std::vector<MemberUpdate> Linear::low_rank_updates(const std::vector<const Linear*>& members) {
  std::vector<MemberUpdate> updates;
  for (size_t i = 0; i < members.size(); ++i) {
    const Linear& member = *members[i];
    const auto& adapters = member.adapters();
    const bool learns =
        member.weight().requires_grad() || (member.bias_.defined() && member.bias_.requires_grad());
    if (adapters.size() > 1 || learns) return {};
    if (adapters.empty()) continue;
    const auto update = adapters.front()->low_rank();
    if (!update || update->dropout > 0) return {};
    updates.push_back({static_cast<int64_t>(i), *update});
  }
  return updates;
}

Site Linear::site() const {
  Site site;
  site.path = path_;
  site.kind = SeamKind::linear;
  site.block = block_;
  site.in = weight().size(1);
  site.out = weight().size(0);
  site.bias = bias_.defined();
  return site;
}

LinearGroup::LinearGroup(const Scope& scope, const std::vector<std::string>& names, int64_t in,
                         int64_t out_each, bool bias)
    : LinearGroup(scope, names, in, std::vector<int64_t>(names.size(), out_each), bias) {}

LinearGroup::LinearGroup(const Scope& scope, const std::vector<std::string>& names, int64_t in,
                         const std::vector<int64_t>& outs, bool bias)
    : outs_(outs) {
  for (size_t i = 0; i < names.size(); ++i)
    members_.push_back(std::make_unique<Linear>(scope / names[i], in, outs[i], bias));
  scope.add(*this);
  repack();
}

std::vector<at::Tensor*> LinearGroup::weights() const {
  std::vector<at::Tensor*> weights;
  weights.reserve(members_.size());
  for (const auto& member : members_) weights.push_back(&member->weight());
  return weights;
}

void LinearGroup::repack() {
  const at::NoGradGuard no_grad;
  const auto pack = [this](at::Tensor Linear::* member) {
    std::vector<at::Tensor> parts;
    parts.reserve(members_.size());
    for (const auto& linear : members_) parts.push_back((*linear).*member);
    at::Tensor packed = at::cat(parts, 0);
    int64_t row = 0;
    for (const auto& linear : members_) {
      at::Tensor& part = (*linear).*member;
      const bool trained = part.requires_grad();
      const int64_t rows = part.size(0);
      part = packed.narrow(0, row, rows).detach();
      part.set_requires_grad(trained);
      row += rows;
    }
    return packed;
  };
  packed_weight_ = pack(&Linear::own_);
  if (members_.front()->bias_.defined()) packed_bias_ = pack(&Linear::bias_);
}

std::vector<at::Tensor> LinearGroup::operator()(const at::Tensor& x) const {
  bool changes_input = false;
  for (const auto& member : members_) {
    for (const auto& adapter : member->adapters())
      changes_input = changes_input || !adapter->input(x).is_same(x);
  }
  std::vector<at::Tensor> outputs;
  if (changes_input) {  // members no longer read the same input
    for (const auto& member : members_) outputs.push_back((*member)(x));
    return outputs;
  }
  const std::optional<at::Tensor> bias =
      packed_bias_.defined() ? std::make_optional(packed_bias_) : std::nullopt;
  std::vector<const Linear*> members;
  members.reserve(members_.size());
  for (const auto& member : members_) members.push_back(member.get());
  if (const auto updates = Linear::low_rank_updates(members); !updates.empty()) {
    for (const auto& member : members_) member->count(x);
    return low_rank_linear(x, packed_weight_, bias, outs_, updates).split_with_sizes(outs_, -1);
  }
  std::vector<at::Tensor> tensors;
  tensors.reserve(2 * members_.size());
  for (const auto& member : members_) tensors.push_back(member->weight());
  if (packed_bias_.defined()) {
    for (const auto& member : members_) tensors.push_back(member->bias_);
  }
  const at::Tensor together =
      GroupedLinear::apply(x, packed_weight_, bias, outs_, at::TensorList(tensors));
  outputs = together.split_with_sizes(outs_, -1);
  for (size_t i = 0; i < members_.size(); ++i) {
    members_[i]->count(x);
    outputs[i] = members_[i]->adapt_output(x, outputs[i]);
  }
  return outputs;
}

}  // namespace graft::nn
