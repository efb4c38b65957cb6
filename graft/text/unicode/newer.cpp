#include "graft/text/unicode/newer.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

struct Range {
  char32_t first, last;
};
struct Pair {
  char32_t upper, lower;
};
struct StandIn {
  char32_t first, last, older;
};

#include "graft/text/unicode/newer_tables.inc"

/// The row that holds `c`, rows being sorted; null when there is none.
template <typename Row>
const Row* find_row(std::span<const Row> rows, char32_t c) {
  const auto at = std::ranges::upper_bound(rows, c, {}, [](const Row& row) { return row.first; });
  if (at == rows.begin() || c > std::prev(at)->last) return nullptr;
  return &*std::prev(at);
}

}  // namespace

bool in_newer_words(char32_t c) {
  return find_row<Range>(kWords, c) != nullptr;
}
bool in_newer_numbers(char32_t c) {
  return find_row<Range>(kNumbers, c) != nullptr;
}

char32_t newer_lower(char32_t c) {
  if (c < kLower[0].upper) return c;
  const auto* at = std::ranges::lower_bound(kLower, c, {}, &Pair::upper);
  return at != std::end(kLower) && at->upper == c ? at->lower : c;
}

char32_t older_like(char32_t c) {
  const StandIn* row = find_row<StandIn>(kStandIns, c);
  return row == nullptr ? c : row->older;
}

bool stand_in_for_newer(std::string_view text, std::string& out) {
  // The first of them is U+0897; two-byte characters and ASCII are old.
  if (std::ranges::none_of(text, [](char c) { return static_cast<uint8_t>(c) >= 0xe0; }))
    return false;
  bool changed = false;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char next = utf8_at(text, at);
    if (next.bytes >= 3) {
      const char32_t older = older_like(next.code);
      if (older != next.code) {
        if (!changed) out.assign(text);
        changed = true;
        out.replace(at, next.bytes, to_utf8(older));
      }
    }
    at += next.bytes;
  }
  return changed;
}

}  // namespace graft::texts
