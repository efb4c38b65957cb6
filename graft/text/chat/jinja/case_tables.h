#pragma once

#include <cstddef>
#include <cstdint>

namespace graft::texts::jinja {

/// Characters first, first + step … last map to themselves plus `shift`. Sorted; beyond ASCII only.
struct CaseRange {
  char32_t first, last;
  uint32_t step;
  int32_t shift;
};
extern const CaseRange kUpper[];
extern const size_t kUpperSize;
extern const CaseRange kLower[];
extern const size_t kLowerSize;

}  // namespace graft::texts::jinja
