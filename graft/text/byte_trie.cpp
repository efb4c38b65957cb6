#include "graft/text/byte_trie.h"

#include <algorithm>

namespace graft::texts {
namespace {

/// Entries [begin, end) share their first `depth` bytes; their children go below `node`.
struct Work {
  size_t begin = 0;
  size_t end = 0;
  size_t depth = 0;
  int32_t node = -1;
};

}  // namespace

ByteTrie::ByteTrie(std::vector<Entry> entries) {
  root_.fill(-1);
  std::erase_if(entries, [](const Entry& entry) { return entry.text.empty(); });
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return a.text != b.text ? a.text < b.text : a.value < b.value;
  });
  // Level by level, so that children of a node lie together.
  std::vector<Work> queue{{0, entries.size(), 0, -1}};
  for (size_t i = 0; i < queue.size(); ++i) {
    Work work = queue[i];
    while (work.begin < work.end && entries[work.begin].text.size() == work.depth) {
      nodes_[static_cast<size_t>(work.node)].value =
          static_cast<int32_t>(entries[work.begin++].value);
    }
    if (work.node >= 0)
      nodes_[static_cast<size_t>(work.node)].first = static_cast<uint32_t>(nodes_.size());
    while (work.begin < work.end) {
      const auto byte = static_cast<uint8_t>(entries[work.begin].text[work.depth]);
      size_t end = work.begin;
      while (end < work.end && static_cast<uint8_t>(entries[end].text[work.depth]) == byte) ++end;
      const auto fresh = static_cast<int32_t>(nodes_.size());
      nodes_.push_back({0, -1, 0, byte});
      if (work.node < 0) {
        root_[byte] = fresh;
      } else {
        ++nodes_[static_cast<size_t>(work.node)].children;
      }
      queue.push_back({work.begin, end, work.depth + 1, fresh});
      work.begin = end;
    }
  }
}

}  // namespace graft::texts
