#include "graft/nn/low_rank_linear.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "graft/nn/linear.h"

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Where the factors of an update lie in those of all.
struct Place {
  int64_t row, rank;     // of the joined a
  int64_t first, width;  // of the joined outputs
  double scale;
};

std::vector<Place> places_of(const std::vector<int64_t>& outs, const std::vector<int64_t>& members,
                             const std::vector<int64_t>& ranks, const std::vector<double>& scales) {
  std::vector<Place> places;
  int64_t row = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    int64_t first = 0;
    for (int64_t m = 0; m < members[i]; ++m) first += outs[static_cast<size_t>(m)];
    places.push_back({row, ranks[i], first, outs[static_cast<size_t>(members[i])], scales[i]});
    row += ranks[i];
  }
  return places;
}

// Arguments: x, W, bias, then what the places need, then a and b of every update.
class LowRankLinear : public torch::autograd::Function<LowRankLinear> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const std::vector<int64_t>& outs,
                            const std::vector<int64_t>& members, const std::vector<int64_t>& ranks,
                            const std::vector<double>& scales, at::TensorList factors) {
    const at::Tensor flat = x.flatten(0, -2);
    std::vector<at::Tensor> all_a;
    for (size_t i = 0; i < factors.size(); i += 2) all_a.push_back(factors[i]);
    const at::Tensor a = cast_like(at::cat(all_a, 0), x);
    // The b of all members at once: zero where the rank of one meets the outputs of another.
    at::Tensor b = at::zeros({a.size(0), weight.size(0)}, factors[1].options());
    size_t next = 1;
    for (const Place& p : places_of(outs, members, ranks, scales)) {
      b.narrow(0, p.row, p.rank).narrow(1, p.first, p.width).add_(factors[next].t(), p.scale);
      next += 2;
    }
    b = cast_like(b, x);
    const at::Tensor w = cast_like(weight, x);
    auto shape = x.sizes().vec();
    shape.back() = weight.size(0);
    // Not a view of its rows, which activations could not change in place.
    at::Tensor y = at::empty(shape, x.options());
    at::Tensor rows = y.flatten(0, -2);
    if (bias)
      at::addmm_out(rows, cast_like(*bias, x), flat, w.t());
    else
      at::mm_out(rows, flat, w.t());
    const at::Tensor low = flat.mm(a.t());
    rows.addmm_(low, b);
    ctx->save_for_backward({flat, low, weight, a, b});
    ctx->saved_data["outs"] = outs;
    ctx->saved_data["members"] = members;
    ctx->saved_data["ranks"] = ranks;
    ctx->saved_data["scales"] = scales;
    ctx->saved_data["type"] = static_cast<int64_t>(factors[0].scalar_type());
    return y;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &low = saved[1], &a = saved[3], &b = saved[4];
    const at::Tensor g = grads[0].flatten(0, -2);
    const auto places = places_of(
        ctx->saved_data["outs"].toIntVector(), ctx->saved_data["members"].toIntVector(),
        ctx->saved_data["ranks"].toIntVector(), ctx->saved_data["scales"].toDoubleVector());
    constexpr size_t kFactors = 7;  // what stands before them
    variable_list result(kFactors + 2 * places.size());
    const at::Tensor low_gradient = g.mm(b.t());
    if (ctx->needs_input_grad(0)) {
      at::Tensor dx = g.mm(cast_like(saved[2], g));
      dx.addmm_(low_gradient, a);
      auto shape = grads[0].sizes().vec();
      shape.back() = x.size(1);
      result[0] = dx.view(shape);
    }
    const at::Tensor a_gradient = low_gradient.t().mm(x);
    const at::Tensor b_gradient = g.t().mm(low);
    // Factors may be wider than what flows.
    const auto type = static_cast<at::ScalarType>(ctx->saved_data["type"].toInt());
    for (size_t i = 0; i < places.size(); ++i) {
      const Place& p = places[i];
      result[kFactors + 2 * i] = a_gradient.narrow(0, p.row, p.rank).to(type);
      result[kFactors + 2 * i + 1] =
          b_gradient.narrow(0, p.first, p.width).narrow(1, p.row, p.rank).to(type) * p.scale;
    }
    return result;
  }
};

}  // namespace

at::Tensor low_rank_linear(const at::Tensor& x, const at::Tensor& weight,
                           const std::optional<at::Tensor>& bias, const std::vector<int64_t>& outs,
                           const std::vector<MemberUpdate>& updates) {
  std::vector<int64_t> members, ranks;
  std::vector<double> scales;
  std::vector<at::Tensor> factors;
  for (const MemberUpdate& u : updates) {
    members.push_back(u.member);
    ranks.push_back(u.update.a.size(0));
    scales.push_back(u.update.scale);
    factors.push_back(u.update.a);
    factors.push_back(u.update.b);
  }
  return LowRankLinear::apply(x, weight, bias, outs, members, ranks, scales,
                              at::TensorList(factors));
}

}  // namespace graft::nn
