#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace graft::io {

/// Products want their operands on this boundary, bytes.
inline constexpr size_t kAlignment = 64;

/// Elements × `item_bytes` of a shape, or nothing when a size is negative, there are more than
/// kMaxDimensions of them, or the product (zeros counted as ones, as strides do) leaves int64.
inline constexpr size_t kMaxDimensions = 64;
std::optional<int64_t> checked_bytes(const std::vector<int64_t>& shape, size_t item_bytes);

/// A contiguous CPU tensor of little-endian `bytes`, whose length must be that of shape and type.
/// It is a view that keeps `owner` alive when there is an owner and the bytes are aligned, else a
/// copy in aligned memory. What is only copied from is fine at any `alignment` of its elements.
/// Booleans are always copied: bytes other than 0 and 1 become 1.
at::Tensor tensor_of_bytes(std::span<const uint8_t> bytes, at::ScalarType type,
                           const std::vector<int64_t>& shape,
                           const std::shared_ptr<const void>& owner, size_t alignment = kAlignment);

}  // namespace graft::io
