#include "graft/text/bpe/merge_table.h"

#include <bit>

namespace graft::texts {

MergeTable::MergeTable(const std::vector<Merge>& merges)
    : entries_(std::bit_ceil(merges.size() * 2 + 2)), mask_(entries_.size() - 1) {
  for (const Merge& merge : merges) {
    const uint64_t pair = uint64_t{merge.left} << 32 | merge.right;
    uint64_t at = hash(pair);
    while (entries_[at & mask_].pair != kFree && entries_[at & mask_].pair != pair) ++at;
    entries_[at & mask_] = {pair, merge.rank, merge.result};
  }
}

}  // namespace graft::texts
