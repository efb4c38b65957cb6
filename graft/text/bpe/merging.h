#pragma once

#include <cstdint>
#include <vector>

#include "graft/text/bpe/merge_table.h"

namespace graft::texts {

/// A token in the making, in a list over an array.
struct Symbol {
  uint32_t id = 0;
  uint32_t bytes = 0;  ///< of the piece; 0 once it was merged into the one before
  int32_t previous = -1;
  int32_t next = -1;
};

/// A merge that may be possible at a symbol.
struct Candidate {
  uint32_t rank = 0;
  uint32_t position = 0;
  uint32_t result = 0;
};

/// Applies all merges; symbols that are left have bytes > 0. `queue` is memory to use.
void merge_symbols(std::vector<Symbol>& symbols, const MergeTable& merges,
                   std::vector<Candidate>& queue);

}  // namespace graft::texts
