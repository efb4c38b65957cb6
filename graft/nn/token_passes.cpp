#include "graft/nn/token_passes.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "graft/base/error.h"
#include "graft/nn/cpu_loops.h"
#include "graft/nn/linear.h"
#include "graft/nn/token_lines.h"
#include "graft/tensor/parallel.h"

namespace graft::nn {

GRAFT_SIMD_DECLARE(TokenLines<Float32>, kFloat32TokenLines)
GRAFT_SIMD_DECLARE(TokenLines<BFloat16>, kBFloat16TokenLines)

template <>
const TokenLines<Float32>& token_lines<Float32>(Simd level) {
  return GRAFT_SIMD_PICK(level, kFloat32TokenLines);
}

template <>
const TokenLines<BFloat16>& token_lines<BFloat16>(Simd level) {
  return GRAFT_SIMD_PICK(level, kBFloat16TokenLines);
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kRows = 32;  // of a block: what a thread takes at a time, and sums of weights

/// Rows whose numbers are neighbours; rows themselves may lie apart.
at::Tensor rows_of(const at::Tensor& t, int64_t width) {
  const at::Tensor flat = t.dim() == 2 && t.size(1) == width ? t : t.reshape({-1, width});
  return flat.stride(1) == 1 || width == 1 ? flat : flat.contiguous();
}

template <typename T>
struct Rows {
  explicit Rows(const at::Tensor& t) : data(static_cast<T*>(t.data_ptr())), stride(t.stride(0)) {}
  T* operator[](int64_t row) const { return data + row * stride; }
  T* data;
  int64_t stride;
};

/// f(block, first row, end) over blocks of rows.
template <typename F>
void each_block(int64_t rows, const F& f) {
  const int64_t blocks = (rows + kRows - 1) / kRows;
  parallel_for(blocks, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) f(b, b * kRows, std::min(rows, (b + 1) * kRows));
  });
}

/// Calls f with Float32() or BFloat16(), as x is stored.
template <typename F>
void by_type(const at::Tensor& x, const F& f) {
  if (x.scalar_type() == at::kFloat)
    f(Float32());
  else
    f(BFloat16());
}

class RmsNormPass : public torch::autograd::Function<RmsNormPass> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& given, const at::Tensor& weight,
                            double eps, bool plus_one) {
    const int64_t n = weight.size(0);
    const at::Tensor x = rows_of(given, n);
    const at::Tensor scale = (plus_one ? weight + 1 : weight).to(at::kFloat).contiguous();
    const at::Tensor y = at::empty(x.sizes(), x.options());
    const at::Tensor factors = at::empty({x.size(0)}, at::kFloat);
    float* factor = factors.data_ptr<float>();
    by_type(x, [&](auto type) {
      using Type = decltype(type);
      const auto& lines = token_lines<Type>();
      const Rows<typename Type::Stored> from(x), to(y);
      each_block(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          factor[i] = lines.rms_norm(from[i], n, scale.const_data_ptr<float>(),
                                     static_cast<float>(eps), to[i]);
        }
      });
    });
    ctx->save_for_backward({x, scale, factors});
    ctx->saved_data["type"] = static_cast<int64_t>(weight.scalar_type());
    return y.view(given.sizes());
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &scale = saved[1];
    const float* factor = saved[2].const_data_ptr<float>();
    const int64_t n = scale.size(0);
    const at::Tensor g = rows_of(grads[0].to(x.scalar_type()), n);
    const at::Tensor dx = at::empty(x.sizes(), x.options());
    at::Tensor sums;  // of every block, added up in order
    if (ctx->needs_input_grad(1))
      sums = at::zeros({(x.size(0) + kRows - 1) / kRows, n}, at::kFloat);
    by_type(x, [&](auto type) {
      using Type = decltype(type);
      const auto& lines = token_lines<Type>();
      const Rows<typename Type::Stored> slopes(g), from(x), to(dx);
      each_block(x.size(0), [&](int64_t block, int64_t begin, int64_t end) {
        float* sum = sums.defined() ? sums.data_ptr<float>() + block * n : nullptr;
        for (int64_t i = begin; i < end; ++i) {
          lines.rms_norm_backward(slopes[i], from[i], n, scale.const_data_ptr<float>(), factor[i],
                                  to[i], sum);
        }
      });
    });
    at::Tensor weight_gradient;
    if (sums.defined()) {
      weight_gradient =
          sums.sum(0).to(static_cast<at::ScalarType>(ctx->saved_data["type"].toInt()));
    }
    return {dx.view(grads[0].sizes()), weight_gradient, {}, {}};
  }
};

class GatedPass : public torch::autograd::Function<GatedPass> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_in,
                            const at::Tensor& up_in, int64_t kind) {
    const int64_t n = gate_in.size(-1);
    const at::Tensor gate = rows_of(gate_in, n);
    const at::Tensor up = rows_of(up_in, n);
    const at::Tensor y = at::empty(gate.sizes(), gate.options());
    by_type(gate, [&](auto type) {
      using Type = decltype(type);
      using T = typename Type::Stored;
      const auto& lines = token_lines<Type>();
      const Rows<T> a(gate), b(up), to(y);
      each_block(gate.size(0), [&](int64_t, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          lines.gated(static_cast<Gate>(kind), a[i], b[i], n, to[i]);
      });
    });
    ctx->save_for_backward({gate, up});
    ctx->saved_data["kind"] = kind;
    return y.view(gate_in.sizes());
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &gate = saved[0], &up = saved[1];
    const auto kind = static_cast<Gate>(ctx->saved_data["kind"].toInt());
    const int64_t n = gate.size(1);
    const at::Tensor g = rows_of(grads[0].to(gate.scalar_type()), n);
    const at::Tensor dgate = at::empty(gate.sizes(), gate.options());
    const at::Tensor dup = at::empty(gate.sizes(), gate.options());
    by_type(gate, [&](auto type) {
      using Type = decltype(type);
      using T = typename Type::Stored;
      const auto& lines = token_lines<Type>();
      const Rows<T> slopes(g), a(gate), b(up), to_gate(dgate), to_up(dup);
      each_block(gate.size(0), [&](int64_t, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          lines.gated_backward(kind, slopes[i], a[i], b[i], n, to_gate[i], to_up[i]);
      });
    });
    return {dgate.view(grads[0].sizes()), dup.view(grads[0].sizes()), {}};
  }
};

at::Tensor rotated(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine,
                   int64_t width, float direction) {
  const at::Tensor y = at::empty(x.sizes(), x.options());
  by_type(x, [&](auto type) {
    using Type = decltype(type);
    using T = typename Type::Stored;
    const auto& lines = token_lines<Type>();
    const Rows<T> from(x), c(cosine), s(sine), to(y);
    each_block(x.size(0), [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        lines.rotate(from[i], x.size(1) / width, width, cosine.size(1), c[i], s[i], direction,
                     to[i]);
    });
  });
  return y;
}

class RotatePass : public torch::autograd::Function<RotatePass> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& cosine,
                            const at::Tensor& sine, int64_t width) {
    ctx->save_for_backward({cosine, sine});
    ctx->saved_data["width"] = width;
    return rotated(rows_of(x, x.size(1)), cosine, sine, width, 1);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor g = rows_of(grads[0].to(saved[0].scalar_type()), grads[0].size(1));
    return {rotated(g, saved[0], saved[1], ctx->saved_data["width"].toInt(), -1), {}, {}, {}};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, bool plus_one) {
  if (has_cpu_loops(x)) return RmsNormPass::apply(x, weight, eps, plus_one);
  const bool reduced = at::isReducedFloatingType(x.scalar_type());
  const at::Tensor wide = reduced ? x.to(at::kFloat) : x;
  const at::Tensor normal = wide * (wide.square().mean(-1, true) + eps).rsqrt();
  if (plus_one) return (normal * (1 + weight)).to(x.scalar_type());
  return normal.to(x.scalar_type()) * cast_like(weight, x);
}

at::Tensor gated(Activation activation, const at::Tensor& gate, const at::Tensor& up) {
  const bool known = activation == Activation::silu || activation == Activation::gelu_tanh;
  if (!known || !has_cpu_loops(gate) || up.scalar_type() != gate.scalar_type())
    return activate(activation, gate) * up;
  const Gate kind = activation == Activation::silu ? Gate::silu : Gate::gelu_tanh;
  return GatedPass::apply(gate, up, static_cast<int64_t>(kind));
}

at::Tensor rotate_heads(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine,
                        int64_t width) {
  if (has_cpu_loops(x) && cosine.scalar_type() == x.scalar_type())
    return RotatePass::apply(x, rows_of(cosine, cosine.size(1)), rows_of(sine, sine.size(1)),
                             width);
  const int64_t half = cosine.size(1);
  const at::Tensor heads = x.view({x.size(0), -1, width});
  const at::Tensor c = cosine.unsqueeze(1);
  const at::Tensor s = sine.unsqueeze(1);
  const at::Tensor a = heads.narrow(2, 0, half);
  const at::Tensor b = heads.narrow(2, half, half);
  std::vector<at::Tensor> parts = {a * c - b * s, b * c + a * s};
  if (2 * half < width) parts.push_back(heads.narrow(2, 2 * half, width - 2 * half));
  return at::cat(parts, 2).view(x.sizes());
}

void cross_entropy_in_place(const at::Tensor& logits, const at::Tensor& targets,
                            const at::Tensor& losses, const at::Tensor& hits, bool gradients,
                            const at::Tensor& scale) {
  const int64_t n = logits.size(1);
  GRAFT_ASSERT(has_cpu_loops(logits) && logits.stride(1) == 1);
  GRAFT_ASSERT(targets.is_contiguous() && losses.is_contiguous() && hits.is_contiguous());
  const at::Tensor factors = scale.defined() ? scale.to(at::kFloat).contiguous() : scale;
  // Refuses targets that are no column.
  const at::Tensor wanted = logits.gather(1, targets.unsqueeze(1)).to(at::kFloat).contiguous();
  const auto* right = wanted.const_data_ptr<float>();
  const auto* target = targets.const_data_ptr<int64_t>();
  auto* loss = losses.data_ptr<float>();
  auto* hit = hits.data_ptr<bool>();
  by_type(logits, [&](auto type) {
    using Type = decltype(type);
    const auto& lines = token_lines<Type>();
    const Rows<typename Type::Stored> rows(logits);
    each_block(logits.size(0), [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const SoftmaxSum of = lines.softmax_sum(rows[i], n);
        loss[i] = of.largest + std::log(of.sum) - right[i];
        hit[i] = right[i] == of.largest;
        if (gradients) {
          const float factor = factors.defined() ? factors.const_data_ptr<float>()[i] : 1.F;
          lines.softmax_gradient(rows[i], n, of, target[i], factor);
        }
      }
    });
  });
}

}  // namespace graft::nn
