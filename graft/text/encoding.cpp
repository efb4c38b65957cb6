#include "graft/text/encoding.h"

#include <algorithm>

namespace graft::texts {
namespace {

template <typename T>
void extend(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

/// Inserts `count` copies before or behind a list.
template <typename T>
void fill(std::vector<T>& list, size_t count, const T& value, Direction side) {
  list.insert(side == Direction::left ? list.begin() : list.end(), count, value);
}

void pad_one(Encoding& e, uint64_t target, const Padding& how) {
  for (Encoding& window : e.overflow) pad_one(window, target, how);
  const size_t length = e.ids.size();
  if (length >= target) return;
  const size_t count = target - length;
  fill(e.ids, count, how.id, how.direction);
  if (!e.detailed) return;
  fill(e.type_ids, count, how.type_id, how.direction);
  fill(e.tokens, count, how.token, how.direction);
  fill(e.offsets, count, Span{}, how.direction);
  fill(e.words, count, Encoding::kNone, how.direction);
  fill(e.sequences, count, Encoding::kNone, how.direction);
  fill(e.attention_mask, count, uint8_t{0}, how.direction);
  fill(e.special_tokens_mask, count, uint8_t{1}, how.direction);
}

}  // namespace

void append(Encoding& encoding, const Encoding& other) {
  extend(encoding.ids, other.ids);
  extend(encoding.type_ids, other.type_ids);
  extend(encoding.tokens, other.tokens);
  extend(encoding.offsets, other.offsets);
  extend(encoding.words, other.words);
  extend(encoding.sequences, other.sequences);
  extend(encoding.attention_mask, other.attention_mask);
  extend(encoding.special_tokens_mask, other.special_tokens_mask);
}

void merge(Encoding& encoding, const Encoding& other) {
  std::vector<Encoding> overflow;
  Encoding other_alone = other;
  other_alone.overflow.clear();
  for (const Encoding& window : encoding.overflow) {
    overflow.push_back(window);
    append(overflow.back(), other_alone);
    for (const Encoding& theirs : other.overflow) {
      overflow.push_back(window);
      append(overflow.back(), theirs);
    }
  }
  encoding.overflow.clear();
  for (const Encoding& theirs : other.overflow) {
    overflow.push_back(encoding);
    append(overflow.back(), theirs);
  }
  append(encoding, other_alone);
  encoding.overflow = std::move(overflow);
}

void pad(std::vector<Encoding>& encodings, const Padding& how) {
  uint64_t length = how.length.value_or(0);
  if (!how.length) {
    for (const Encoding& encoding : encodings)
      length = std::max<uint64_t>(length, encoding.ids.size());
  }
  if (how.multiple_of > 0 && length % how.multiple_of > 0)
    length += how.multiple_of - length % how.multiple_of;
  for (Encoding& encoding : encodings) pad_one(encoding, length, how);
}

}  // namespace graft::texts
