#pragma once

#include <cstdint>

namespace graft::texts {

/// A stretch [begin, end) of the original text, in bytes.
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const Span&) const = default;
};

}  // namespace graft::texts
