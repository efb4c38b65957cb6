#pragma once

#include <ATen/core/Tensor.h>

namespace graft {

/// Zeros of a shape, channels-last when `channels_last`, that take no memory: for functions that
/// ask a tensor for its shape and layout and never for its numbers. Not to be written to.
at::Tensor phantom(at::IntArrayRef sizes, const at::TensorOptions& options, bool channels_last);

}  // namespace graft
