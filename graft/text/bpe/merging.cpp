#include "graft/text/bpe/merging.h"

#include <algorithm>

namespace graft::texts {
namespace {

// Below, looking at all pairs again is faster than keeping them in order.
constexpr size_t kShort = 24;

/// For std::push_heap: the lowest rank comes first, of equal ones the leftmost.
bool comes_later(const Candidate& a, const Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

/// Joins the symbol with its successor.
void join(std::vector<Symbol>& symbols, int32_t at, uint32_t result) {
  Symbol& left = symbols[static_cast<size_t>(at)];
  Symbol& right = symbols[static_cast<size_t>(left.next)];
  left.id = result;
  left.bytes += right.bytes;
  right.bytes = 0;
  left.next = right.next;
  if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = at;
}

void merge_short(std::vector<Symbol>& symbols, const MergeTable& merges) {
  // ranks[i] belongs to the pair that begins at symbol i.
  MergeTable::Entry found[kShort];
  const size_t count = symbols.size();
  const auto look = [&](int32_t at) {
    const Symbol& symbol = symbols[static_cast<size_t>(at)];
    found[at] = symbol.next < 0
                    ? MergeTable::Entry{}
                    : merges.find(symbol.id, symbols[static_cast<size_t>(symbol.next)].id);
  };
  for (size_t i = 0; i < count; ++i) look(static_cast<int32_t>(i));
  while (true) {
    uint32_t best_rank = MergeTable::kNone;
    int32_t best = -1;
    for (size_t i = 0; i < count; ++i) {
      if (found[i].rank < best_rank) {
        best_rank = found[i].rank;
        best = static_cast<int32_t>(i);
      }
    }
    if (best < 0) return;
    found[symbols[static_cast<size_t>(best)].next] = {};
    join(symbols, best, found[best].result);
    look(best);
    const int32_t previous = symbols[static_cast<size_t>(best)].previous;
    if (previous >= 0) look(previous);
  }
}

}  // namespace

void merge_symbols(std::vector<Symbol>& symbols, const MergeTable& merges,
                   std::vector<Candidate>& queue) {
  if (symbols.size() <= kShort) {
    merge_short(symbols, merges);
    return;
  }
  queue.clear();
  const auto offer = [&](int32_t at) {
    const Symbol& symbol = symbols[static_cast<size_t>(at)];
    if (symbol.next < 0) return false;
    const auto& entry = merges.find(symbol.id, symbols[static_cast<size_t>(symbol.next)].id);
    if (entry.rank == MergeTable::kNone) return false;
    queue.push_back({entry.rank, static_cast<uint32_t>(at), entry.result});
    return true;
  };
  for (size_t i = 0; i + 1 < symbols.size(); ++i) offer(static_cast<int32_t>(i));
  std::ranges::make_heap(queue, comes_later);
  while (!queue.empty()) {
    std::ranges::pop_heap(queue, comes_later);
    const Candidate top = queue.back();
    queue.pop_back();
    const auto at = static_cast<int32_t>(top.position);
    const Symbol& symbol = symbols[top.position];
    if (symbol.bytes == 0 || symbol.next < 0) continue;
    // What was offered may have changed since.
    const auto& entry = merges.find(symbol.id, symbols[static_cast<size_t>(symbol.next)].id);
    if (entry.rank == MergeTable::kNone || entry.result != top.result) continue;
    join(symbols, at, top.result);
    if (symbol.previous >= 0 && offer(symbol.previous)) std::ranges::push_heap(queue, comes_later);
    if (offer(at)) std::ranges::push_heap(queue, comes_later);
  }
}

}  // namespace graft::texts
