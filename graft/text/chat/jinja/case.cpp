#include <algorithm>

#include "graft/text/chat/jinja/case_tables.h"
#include "graft/text/chat/jinja/unicode.h"

namespace graft::texts::jinja {
namespace {

char32_t mapped(std::span<const CaseRange> table, char32_t value) {
  const auto range = std::lower_bound(table.begin(), table.end(), value,
                                      [](const CaseRange& r, char32_t c) { return r.last < c; });
  if (range == table.end() || value < range->first || (value - range->first) % range->step != 0)
    return value;
  return static_cast<char32_t>(static_cast<int32_t>(value) + range->shift);
}

char32_t to_upper(char32_t value) {
  if (value < 0x80) return value >= 'a' && value <= 'z' ? value - 32 : value;
  return mapped(upper_ranges(), value);
}

}  // namespace

void append_upper(char32_t value, std::string& out) {
  if (value == 0xDF) {
    out += "SS";
  } else {
    encode(to_upper(value), out);
  }
}

char32_t to_lower(char32_t value) {
  if (value < 0x80) return value >= 'A' && value <= 'Z' ? value + 32 : value;
  return mapped(lower_ranges(), value);
}

bool is_cased(char32_t value) {
  return value == 0xDF || to_upper(value) != value || to_lower(value) != value;
}

}  // namespace graft::texts::jinja
