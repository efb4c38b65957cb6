#pragma once

#include <ATen/core/Tensor.h>

namespace graft::nn {

/// Sequences lie one after the other in the rows of x [T, width]; `lengths` [B] int64 on the CPU
/// says how long they are. There is no padding.

/// 0 … n-1 for every sequence, or from `past` [B] on where that is given: [T] int64.
at::Tensor positions_in(const at::Tensor& lengths, const at::Tensor& past = {});
/// The row of every sequence's first or last token: [B] int64.
at::Tensor first_rows(const at::Tensor& lengths);
at::Tensor last_rows(const at::Tensor& lengths);
/// The number of its sequence for every row: [T] int64.
at::Tensor sequence_of_rows(const at::Tensor& lengths);
/// The mean of every sequence's rows: [B, width].
at::Tensor mean_rows(const at::Tensor& x, const at::Tensor& lengths);

}  // namespace graft::nn
