#pragma once

#include <ATen/core/Tensor.h>

namespace graft {

/// A tensor of a shape, channels-last when `channels_last`, for functions that ask for shape and
/// layout and never for numbers. On the CPU it takes no memory. Not to be written to.
at::Tensor phantom(at::IntArrayRef sizes, const at::TensorOptions& options, bool channels_last);

}  // namespace graft
