#include "graft/text/pieces.h"

#include <algorithm>

namespace graft::texts {

void Pieces::add(uint32_t begin, uint32_t end, int64_t token, uint32_t fallback) {
  if (begin < end) all.push_back({begin, end, origin_at(begin, fallback), token});
}

void parts_of(const std::vector<Match>& matches, uint32_t size, bool invert,
              std::vector<Part>& parts) {
  uint32_t at = 0;
  for (const Match& match : matches) {
    if (at != match.begin) parts.push_back({at, match.begin, invert});
    parts.push_back({match.begin, match.end, !invert});
    at = match.end;
  }
  if (at != size) parts.push_back({at, size, invert});
}

namespace {

/// Joins parts to the one before, going forward.
void join_forward(std::vector<Part>& parts, bool contiguous) {
  bool previous = false;
  size_t written = 0;
  for (const Part part : parts) {
    const bool join = contiguous ? part.matched == previous : part.matched && !previous;
    previous = part.matched;
    if (join && written > 0) {
      parts[written - 1].end = part.end;
    } else {
      parts[written++] = part;
    }
  }
  parts.resize(written);
}

}  // namespace

void merge_parts(std::vector<Part>& parts, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::isolated:
      return;
    case SplitBehavior::removed:
      std::erase_if(parts, [](const Part& part) { return part.matched; });
      return;
    case SplitBehavior::contiguous:
      join_forward(parts, true);
      return;
    case SplitBehavior::merged_with_previous:
      join_forward(parts, false);
      return;
    case SplitBehavior::merged_with_next: {
      bool previous = false;
      std::vector<Part> joined;
      for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        if (part->matched && !previous && !joined.empty()) {
          joined.back().begin = part->begin;
        } else {
          joined.push_back(*part);
        }
        previous = part->matched;
      }
      parts.assign(joined.rbegin(), joined.rend());
      return;
    }
  }
}

}  // namespace graft::texts
