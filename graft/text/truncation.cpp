#include <algorithm>

#include "graft/base/error.h"
#include "graft/text/encoding.h"

namespace graft::texts {
namespace {

template <typename T>
std::vector<T> cut(const std::vector<T>& list, size_t begin, size_t end) {
  if (list.empty()) return {};
  return {list.begin() + static_cast<std::ptrdiff_t>(begin),
          list.begin() + static_cast<std::ptrdiff_t>(end)};
}

Encoding window(const Encoding& e, size_t begin, size_t end) {
  Encoding part;
  part.detailed = e.detailed;
  part.ids = cut(e.ids, begin, end);
  part.type_ids = cut(e.type_ids, begin, end);
  part.tokens = cut(e.tokens, begin, end);
  part.offsets = cut(e.offsets, begin, end);
  part.words = cut(e.words, begin, end);
  part.sequences = cut(e.sequences, begin, end);
  part.attention_mask = cut(e.attention_mask, begin, end);
  part.special_tokens_mask = cut(e.special_tokens_mask, begin, end);
  return part;
}

struct Lengths {
  uint64_t first, second;
};

/// How many tokens of each text stay when the longest is cut first.
Lengths longest_first(uint64_t first, uint64_t second, uint64_t most) {
  uint64_t less = std::min(first, second);
  uint64_t more = less > most ? less : std::max(less, most - less);
  if (less + more > most) {
    less = most / 2;
    more = less + most % 2;
  }
  return first > second ? Lengths{more, less} : Lengths{less, more};
}

}  // namespace

void truncate(Encoding& encoding, uint64_t max_length, const Truncation& how) {
  const size_t length = encoding.ids.size();
  if (max_length >= length) return;
  if (max_length == 0) {
    Encoding all = std::move(encoding);
    encoding = {};
    encoding.detailed = all.detailed;
    if (how.keep_rest) encoding.overflow.push_back(std::move(all));
    return;
  }
  if (how.stride >= max_length) {
    fail_usage(
        "truncation: stride is {}, but only {} tokens remain for the text; the stride must be less",
        how.stride, max_length);
  }
  const size_t step = max_length - how.stride;
  std::vector<Encoding> windows;
  for (size_t at = 0;; at += step) {
    const bool right = how.direction == Direction::right;
    const size_t begin = right ? at : length - at - std::min<size_t>(max_length, length - at);
    const size_t end = right ? std::min<size_t>(at + max_length, length) : length - at;
    windows.push_back(window(encoding, begin, end));
    if (!how.keep_rest || (right ? end == length : begin == 0)) break;
  }
  encoding = std::move(windows.front());
  encoding.overflow.assign(std::make_move_iterator(windows.begin() + 1),
                           std::make_move_iterator(windows.end()));
}

void truncate_pair(Encoding& first, Encoding* second, const Truncation& how) {
  if (how.max_length == 0) {
    truncate(first, 0, how);
    if (second != nullptr) truncate(*second, 0, how);
    return;
  }
  const uint64_t total = first.size() + (second != nullptr ? second->size() : 0);
  if (total <= how.max_length) return;
  if (how.strategy == TruncationStrategy::longest_first) {
    if (second == nullptr) {
      truncate(first, how.max_length, how);
      return;
    }
    const Lengths stay = longest_first(first.size(), second->size(), how.max_length);
    truncate(first, stay.first, how);
    truncate(*second, stay.second, how);
    return;
  }
  Encoding* target = how.strategy == TruncationStrategy::only_first ? &first : second;
  if (target == nullptr)
    fail_usage("truncation: only_second needs a second text; use longest_first or only_first");
  const uint64_t surplus = total - how.max_length;
  if (target->size() <= surplus) {
    fail_usage(
        "truncation: the text to be cut has {} tokens, but {} must go to reach {}; use "
        "longest_first or a larger max_length",
        target->size(), surplus, how.max_length);
  }
  truncate(*target, target->size() - surplus, how);
}

}  // namespace graft::texts
