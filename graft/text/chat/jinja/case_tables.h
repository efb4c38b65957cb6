#pragma once

#include <cstdint>
#include <span>

namespace graft::texts::jinja {

/// Characters first, first + step … last map to themselves plus `shift`.
struct CaseRange {
  char32_t first, last;
  uint32_t step;
  int32_t shift;
};
/// Simple case mappings beyond ASCII, sorted; made by make_case_tables.py.
std::span<const CaseRange> upper_ranges();
std::span<const CaseRange> lower_ranges();

}  // namespace graft::texts::jinja
