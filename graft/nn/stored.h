#pragma once

#include <cstdint>

namespace graft::nn {

/// Numbers as they lie in memory; the arithmetic is in float.
struct Float32 {
  using Stored = float;
};
struct BFloat16 {
  using Stored = uint16_t;
};

}  // namespace graft::nn
