#pragma once

#include <cstdint>
#include <vector>

#include "graft/text/models/bpe.h"

namespace graft::texts {

/// The merges of a BPE model by their pair.
class MergeTable {
 public:
  struct Entry {
    uint64_t pair = kFree;
    uint32_t rank = kNone;
    uint32_t result = 0;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  /// Of equal pairs the last one counts.
  explicit MergeTable(const std::vector<Merge>& merges);

  /// `rank` is kNone for a pair that does not merge.
  const Entry& find(uint32_t left, uint32_t right) const {
    const uint64_t pair = uint64_t{left} << 32 | right;
    for (uint64_t at = hash(pair);; ++at) {
      const Entry& entry = entries_[at & mask_];
      if (entry.pair == pair) return entry;
      if (entry.pair == kFree) return none_;
    }
  }

 private:
  static constexpr uint64_t kFree = UINT64_MAX;
  static uint64_t hash(uint64_t pair) {
    pair *= 0x9e3779b97f4a7c15U;
    return pair ^ pair >> 32;
  }

  std::vector<Entry> entries_;
  uint64_t mask_ = 0;
  Entry none_;
};

}  // namespace graft::texts
