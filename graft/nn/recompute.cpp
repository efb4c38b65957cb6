#include "graft/nn/recompute.h"

#include <ATen/Context.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>
#include <torch/types.h>

#include <algorithm>
#include <optional>
#include <string>

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool may_have_gradient(const at::Tensor& t) {
  return t.defined() && at::isFloatingType(t.scalar_type());
}

/// A flow whose tensors with gradients travel apart from the others.
class Parted {
 public:
  explicit Parted(Flow flow) : rest_(std::move(flow)) {}
  variable_list take() {
    variable_list taken;
    rest_ = rest_.map([&taken](const at::Tensor& t) {
      if (!may_have_gradient(t)) return t;
      taken.push_back(t);
      return at::Tensor();
    });
    count_ = taken.size();
    return taken;
  }
  /// The flow again, with `tensors` (and maybe more behind them) in the places of those taken.
  Flow give(at::TensorList tensors) const {
    size_t next = 0;
    return rest_.map([&](const at::Tensor& t) {
      // Nothing else in a flow is undefined.
      return t.defined() ? t : tensors[next++];
    });
  }
  size_t count() const { return count_; }

 private:
  Flow rest_;
  size_t count_ = 0;
};

/// The same numbers at the beginning of a graph.
at::Tensor leaf(const at::Tensor& t) {
  at::Tensor own = t.detach();
  return own.set_requires_grad(t.requires_grad());
}

/// All that it takes to run a block again.
class Pass : public torch::CustomClassHolder {
 public:
  Pass(BlockPass block, const Context& context, Parted entering, at::Device device)
      : block_(std::move(block)),
        context_(context),
        entering_(std::move(entering)),
        device_(device) {}
  size_t entering() const { return entering_.count(); }

  /// The first time. There is a graph here, too, which is dropped at once: layers choose by it how
  /// they compute.
  variable_list run(at::TensorList tensors) {
    if (context_.random()) masks_ = generator().get_state();
    variable_list leaves = tensors.vec();
    for (at::Tensor& t : leaves) t = leaf(t);
    leaving_ = run_with_graph(leaves, context_);
    variable_list leaving = leaving_->take();
    for (at::Tensor& t : leaving) {
      learns_.push_back(t.requires_grad());
      const bool entered = std::any_of(leaves.begin(), leaves.end(),
                                       [&t](const at::Tensor& x) { return t.is_alias_of(x); });
      // What passes through must not be taken for the block's input.
      t = entered ? t.detach().clone() : t.detach();
    }
    return leaving;
  }
  /// Whether what left i-th depends on anything that learns.
  bool learns(size_t i) const { return learns_[i]; }
  /// The flow that left, with `tensors` for those that run() gave.
  Flow left(at::TensorList tensors) const { return leaving_->give(tensors); }

  variable_list run_again(at::TensorList leaves) {
    const bool masked = masks_.defined();
    const at::Tensor later = masked ? generator().get_state() : at::Tensor();
    if (masked) generator().set_state(masks_);
    Context again = context_;
    again.again = true;
    variable_list leaving = run_with_graph(leaves, again).take();
    if (masked) generator().set_state(later);
    return leaving;
  }

 private:
  at::Generator generator() const {
    return context_.generator ? *context_.generator : at::globalContext().defaultGenerator(device_);
  }
  Parted run_with_graph(at::TensorList leaves, Context& context) const {
    const at::AutoGradMode with_graph(true);
    const ContextGuard guard(context);
    return Parted(block_(entering_.give(leaves), context));
  }

  BlockPass block_;
  Context context_;
  Parted entering_;
  at::Device device_;
  std::optional<Parted> leaving_;
  std::vector<bool> learns_;
  at::Tensor masks_;  // the generator's state before the first run
};

// Arguments: the pass, then what enters the block and what it learns.
class Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  static variable_list forward(AutogradContext* ctx, const c10::intrusive_ptr<Pass>& pass,
                               at::TensorList tensors) {
    ctx->set_materialize_grads(false);
    ctx->save_for_backward(tensors.vec());
    ctx->saved_data["pass"] = c10::IValue::make_capsule(pass);
    variable_list leaving = pass->run(tensors.slice(0, pass->entering()));
    variable_list fixed;
    for (size_t i = 0; i < leaving.size(); ++i) {
      if (!pass->learns(i)) fixed.push_back(leaving[i]);
    }
    ctx->mark_non_differentiable(fixed);
    return leaving;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto pass = c10::static_intrusive_pointer_cast<Pass>(ctx->saved_data["pass"].toCapsule());
    variable_list tensors = ctx->get_saved_variables();
    for (size_t i = 0; i < pass->entering(); ++i) tensors[i] = leaf(tensors[i]);
    const variable_list leaving =
        pass->run_again(at::TensorList(tensors).slice(0, pass->entering()));

    variable_list roots, root_grads, wanted;
    for (size_t i = 0; i < leaving.size(); ++i) {
      if (!grads[i].defined() || !leaving[i].requires_grad()) continue;
      roots.push_back(leaving[i]);
      root_grads.push_back(grads[i]);
    }
    variable_list result(1 + tensors.size());
    std::vector<size_t> places;
    for (size_t i = 0; i < tensors.size(); ++i) {
      // Of the arguments, tensors alone are asked about.
      if (!tensors[i].requires_grad() || !ctx->needs_input_grad(i)) continue;
      wanted.push_back(tensors[i]);
      places.push_back(1 + i);
    }
    if (roots.empty() || wanted.empty()) return result;
    const variable_list found =
        torch::autograd::grad(roots, wanted, root_grads, std::nullopt,
                              /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t i = 0; i < places.size(); ++i) result[places[i]] = found[i];
    return result;
  }
};

}  // namespace

Flow recomputed(const BlockPass& block, const Flow& flow, Context& context,
                const std::vector<at::Tensor>& learned) {
  Parted entering(flow);
  variable_list tensors = entering.take();
  tensors.insert(tensors.end(), learned.begin(), learned.end());
  const bool wanted = std::any_of(tensors.begin(), tensors.end(),
                                  [](const at::Tensor& t) { return t.requires_grad(); });
  if (!wanted || !at::GradMode::is_enabled()) return block(flow, context);
  const auto pass =
      c10::make_intrusive<Pass>(block, context, std::move(entering), tensors[0].device());
  const variable_list leaving = Recomputed::apply(pass, at::TensorList(tensors));
  return pass->left(leaving);
}

}  // namespace graft::nn
