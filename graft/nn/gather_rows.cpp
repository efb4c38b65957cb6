#include "graft/nn/gather_rows.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "graft/nn/cpu_loops.h"
#include "graft/tensor/parallel.h"

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// f(begin, end) over parts of [0, n), by threads where the numbers are many.
void each_part(int64_t n, int64_t width, const std::function<void(int64_t, int64_t)>& f) {
  constexpr int64_t kWorthThreads = 1 << 16;
  if (n * width < kWorthThreads)
    f(0, n);
  else
    parallel_for(n, f);
}

at::Tensor taken_rows(const at::Tensor& x, const at::Tensor& rows) {
  if (!has_cpu_loops(x) || x.stride(1) != 1) return x.index_select(0, rows);
  at::Tensor taken = at::empty({rows.size(0), x.size(1)}, x.options());
  const auto* row = rows.const_data_ptr<int64_t>();
  const auto* from = static_cast<const char*>(x.const_data_ptr());
  auto* to = static_cast<char*>(taken.mutable_data_ptr());
  const auto number = static_cast<int64_t>(x.element_size());
  const int64_t bytes = x.size(1) * number;
  each_part(rows.size(0), x.size(1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(to + i * bytes, from + row[i] * x.stride(0) * number, static_cast<size_t>(bytes));
  });
  return taken;
}

/// Where each row was taken: of row r, places[begins[r]] … places[begins[r + 1]], rising.
struct Places {
  Places(const at::Tensor& rows, int64_t count)
      : begins(static_cast<size_t>(count) + 1, 0), places(static_cast<size_t>(rows.size(0))) {
    const auto* row = rows.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < rows.size(0); ++i) ++begins[static_cast<size_t>(row[i]) + 1];
    for (size_t r = 1; r < begins.size(); ++r) begins[r] += begins[r - 1];
    std::vector<int64_t> next(begins.begin(), begins.end() - 1);
    for (int64_t i = 0; i < rows.size(0); ++i)
      places[static_cast<size_t>(next[static_cast<size_t>(row[i])]++)] = i;
  }
  std::vector<int64_t> begins, places;
};

template <typename T>
void add_up(const at::Tensor& g, const Places& taken, const at::Tensor& sums) {
  const int64_t width = g.size(1);
  const T* from = g.const_data_ptr<T>();
  T* to = sums.mutable_data_ptr<T>();
  each_part(sums.size(0), width, [&](int64_t begin, int64_t end) {
    std::vector<float> sum(static_cast<size_t>(width));
    for (int64_t r = begin; r < end; ++r) {
      const auto* place = taken.places.data() + taken.begins[static_cast<size_t>(r)];
      const auto* last = taken.places.data() + taken.begins[static_cast<size_t>(r) + 1];
      T* row = to + r * width;
      if (last - place == 1) {
        std::copy_n(from + *place * width, width, row);
        continue;
      }
      std::fill(sum.begin(), sum.end(), 0.0F);
      for (; place != last; ++place) {
        const T* one = from + *place * width;
        for (int64_t c = 0; c < width; ++c)
          sum[static_cast<size_t>(c)] += static_cast<float>(one[c]);
      }
      for (int64_t c = 0; c < width; ++c) row[c] = static_cast<T>(sum[static_cast<size_t>(c)]);
    }
  });
}

class GatherRows : public torch::autograd::Function<GatherRows> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& rows) {
    ctx->save_for_backward({rows});
    ctx->saved_data["rows"] = x.size(0);
    return taken_rows(x, rows);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const at::Tensor& g = grads[0];
    const at::Tensor rows = ctx->get_saved_variables()[0];
    const int64_t count = ctx->saved_data["rows"].toInt();
    if (!has_cpu_loops(g)) {
      const auto wide = g.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
      const at::Tensor none = at::zeros({count, g.size(1)}, g.options().dtype(wide));
      return {none.index_add(0, rows, g.to(wide)).to(g.scalar_type()), {}};
    }
    at::Tensor sums = at::empty({count, g.size(1)}, g.options());
    const Places taken(rows, count);
    if (g.scalar_type() == at::kFloat)
      add_up<float>(g.contiguous(), taken, sums);
    else
      add_up<at::BFloat16>(g.contiguous(), taken, sums);
    return {sums, {}};
  }
};

}  // namespace

at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& rows) {
  return GatherRows::apply(x, rows);
}

}  // namespace graft::nn
