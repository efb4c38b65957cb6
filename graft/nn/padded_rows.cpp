#include "graft/nn/padded_rows.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>

namespace graft::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class Pad : public torch::autograd::Function<Pad> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& rows,
                            const at::Tensor& places) {
    ctx->save_for_backward({places});
    return x.index_select(0, rows);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    return {grads[0].index_select(0, ctx->get_saved_variables()[0]), {}, {}};
  }
};

class Unpad : public torch::autograd::Function<Unpad> {
 public:
  /// `rows_of_result` are those of the result that stand at each place of x.
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& places,
                            const at::Tensor& rows_of_result, const at::Tensor& padding) {
    ctx->save_for_backward({rows_of_result, padding});
    return x.index_select(0, places);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    return {grads[0].index_select(0, saved[0]).masked_fill_(saved[1], 0), {}, {}, {}};
  }
};

}  // namespace

PaddedRows::PaddedRows(const std::vector<RowRange>& sequences, at::Device device, int64_t step) {
  for (const RowRange& s : sequences) size_ = std::max(size_, s.count);
  size_ = (size_ + step - 1) / step * step;
  std::vector<int64_t> lengths, rows, places;
  for (const RowRange& s : sequences) {
    const auto begin = static_cast<int64_t>(rows.size());
    for (int64_t i = 0; i < s.count; ++i) {
      places.push_back(begin + i);
      rows.push_back(s.first + i);
    }
    rows.resize(static_cast<size_t>(begin + size_), s.count > 0 ? s.first : 0);
    lengths.push_back(s.count);
  }
  const auto there = [device](const std::vector<int64_t>& numbers) {
    return at::tensor(numbers, at::kLong).to(device);
  };
  counts_ = there(lengths);
  rows_ = there(rows);
  places_ = there(places);
  padding_ = (at::arange(size_, counts_.options()) >= counts_.unsqueeze(1)).flatten().unsqueeze(1);
}

at::Tensor PaddedRows::pad(const at::Tensor& t) const {
  return Pad::apply(t, rows_, places_).view({counts_.size(0), size_, t.size(1)});
}

at::Tensor PaddedRows::unpad(const at::Tensor& x) const {
  return Unpad::apply(x.flatten(0, 1), places_, rows_, padding_);
}

}  // namespace graft::nn
