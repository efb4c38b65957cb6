#include "graft/nn/low_rank.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The pixels of channels-last pictures as rows [B·H·W, C], without a copy.
at::Tensor rows_of(const at::Tensor& t) {
  return t.permute({0, 2, 3, 1}).view({-1, t.size(1)});
}

// A node of its own, because writing into a view of y costs autograd copies of the whole.
class AddLowRank : public torch::autograd::Function<AddLowRank> {
 public:
  static at::Tensor forward(AutogradContext* ctx, at::Tensor y, const at::Tensor& low,
                            const at::Tensor& b, double scale) {
    rows_of(y).addmm_(rows_of(low), b.t(), 1, scale);
    ctx->mark_dirty({y});
    ctx->save_for_backward({low, b});
    ctx->saved_data["scale"] = scale;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &low = saved[0], &b = saved[1];
    const double scale = ctx->saved_data["scale"].toDouble();
    const at::Tensor g = rows_of(grads[0].contiguous(at::MemoryFormat::ChannelsLast));
    at::Tensor low_gradient;
    if (ctx->needs_input_grad(1)) {
      low_gradient = g.mm(b)
                         .mul_(scale)
                         .view({low.size(0), low.size(2), low.size(3), low.size(1)})
                         .permute({0, 3, 1, 2});
    }
    at::Tensor b_gradient;
    if (ctx->needs_input_grad(2)) b_gradient = g.t().mm(rows_of(low)).mul_(scale);
    return {grads[0], low_gradient, b_gradient, {}};
  }
};

}  // namespace

at::Tensor add_low_rank(const at::Tensor& y, const at::Tensor& low, const at::Tensor& b,
                        double scale) {
  return AddLowRank::apply(y, low, b, scale);
}

}  // namespace graft::nn
