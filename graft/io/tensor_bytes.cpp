#include "graft/io/tensor_bytes.h"

#include <ATen/ATen.h>

#include <bit>
#include <cstring>
#include <limits>

#include "graft/base/error.h"

namespace graft::io {
static_assert(std::endian::native == std::endian::little, "weight files are little-endian");

std::optional<int64_t> checked_bytes(const std::vector<int64_t>& shape, size_t item_bytes) {
  if (shape.size() > kMaxDimensions) return std::nullopt;
  auto extent = static_cast<int64_t>(item_bytes);  // of the strides torch computes
  int64_t bytes = extent;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size > 1 && extent > std::numeric_limits<int64_t>::max() / size) return std::nullopt;
    if (size > 1) extent *= size;
    bytes *= size;
  }
  return bytes;
}

at::Tensor tensor_of_bytes(std::span<const uint8_t> bytes, at::ScalarType type,
                           const std::vector<int64_t>& shape,
                           const std::shared_ptr<const void>& owner, size_t alignment) {
  GRAFT_ASSERT(checked_bytes(shape, c10::elementSize(type)) == static_cast<int64_t>(bytes.size()));
  const auto options = at::TensorOptions().dtype(type).device(at::kCPU);
  const bool aligned = reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0;
  if (owner && aligned && type != at::kBool && !bytes.empty()) {
    // Mappings are private and writable, so whoever writes to the view changes no file.
    return at::from_blob(const_cast<uint8_t*>(bytes.data()), shape, [owner](void*) {}, options);
  }
  at::Tensor copy = at::empty(shape, options);
  if (bytes.empty()) return copy;
  std::memcpy(copy.mutable_data_ptr(), bytes.data(), bytes.size());
  if (type == at::kBool) {
    auto* at = static_cast<uint8_t*>(copy.mutable_data_ptr());
    for (size_t i = 0; i < bytes.size(); ++i) at[i] = at[i] != 0;
  }
  return copy;
}

}  // namespace graft::io
