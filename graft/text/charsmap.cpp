#include "graft/text/charsmap.h"

#include <cstring>

#include "graft/base/error.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

// A unit of darts-clone: label, offset to the children, whether a value hangs below.
uint32_t label(uint32_t unit) {
  return unit & (1U << 31 | 0xffU);
}
uint32_t offset(uint32_t unit) {
  return unit >> 10 << ((unit & 1U << 9) >> 6);
}
bool has_value(uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}
uint32_t value(uint32_t unit) {
  return unit & ~(1U << 31);
}

}  // namespace

CharsMap::CharsMap(std::string_view blob, const std::string& where) {
  if (blob.empty()) return;
  uint32_t size = 0;
  if (blob.size() > sizeof size) std::memcpy(&size, blob.data(), sizeof size);
  if (size == 0 || size % sizeof(uint32_t) != 0 || size > blob.size() - sizeof size) {
    fail_unreadable(
        "{}: the table of the normaliser (precompiled_charsmap, {} bytes) is damaged: its trie "
        "does not fit in; fetch the tokenizer again",
        where, blob.size());
  }
  units_.resize(size / sizeof(uint32_t));
  std::memcpy(units_.data(), blob.data() + sizeof size, size);
  texts_.assign(blob.substr(sizeof size + size));
  if (!is_valid_utf8(texts_))
    fail_unreadable("{}: the table of the normaliser holds texts that are not UTF-8", where);
  texts_.push_back('\0');
}

std::optional<CharsMap::Rule> CharsMap::search(std::string_view text, bool longest) const {
  if (units_.empty()) return std::nullopt;
  std::optional<Rule> found;
  uint32_t node = offset(units_[0]);
  for (uint32_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte == 0) break;
    node ^= byte;
    if (node >= units_.size() || label(units_[node]) != byte) break;
    const uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_value(unit)) continue;
    if (node >= units_.size() || value(units_[node]) >= texts_.size()) break;
    found = Rule{i + 1, texts_.c_str() + value(units_[node])};
    if (!longest) break;
  }
  return found;
}

std::optional<CharsMap::Rule> CharsMap::longest(std::string_view text) const {
  return search(text, true);
}
std::optional<CharsMap::Rule> CharsMap::shortest(std::string_view text) const {
  return search(text, false);
}

}  // namespace graft::texts
