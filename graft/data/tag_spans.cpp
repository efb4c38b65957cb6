#include "graft/data/tag_spans.h"

#include <algorithm>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/utf8.h"
#include "graft/data/names.h"
#include "graft/text/words.h"

namespace graft::data {
namespace {

/// Where each character begins, and the end.
std::vector<uint32_t> character_places(std::string_view text) {
  std::vector<uint32_t> places;
  places.reserve(text.size() + 1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (starts_character(text[i])) places.push_back(static_cast<uint32_t>(i));
  }
  places.push_back(static_cast<uint32_t>(text.size()));
  return places;
}

void check(const NamedSpan& span, int64_t characters) {
  if (span.type.empty()) fail_unreadable("an entity has no label");
  if (span.begin >= 0 && span.begin < span.end && span.end <= characters) return;
  fail_unreadable(
      "the entity '{}' lies at {} to {}, but the text has {} characters (start counts from 0, end "
      "is behind the last one)",
      printable(span.type), span.begin, span.end, characters);
}

}  // namespace

std::vector<std::string> SpanFaults::notes(const std::string& where) const {
  std::vector<std::string> notes;
  const auto add = [&](int64_t count, const char* what) {
    if (count > 0) notes.push_back(fmt::format("{}: {} entities {}", where, grouped(count), what));
  };
  add(overlapping, "share a word with a longer one and are left out: a word has one tag");
  add(inside_words, "begin or end inside a word and are taken for whole words");
  add(blank, "hold white space only and are left out");
  return notes;
}

TaggedWords tag_words(std::string_view text, std::vector<NamedSpan> spans, SpanFaults& faults) {
  const std::vector<uint32_t> places = character_places(text);
  TaggedWords result;
  result.words = texts::separate_words(text);
  result.tags.assign(result.words.size(), "O");
  for (const NamedSpan& span : spans) check(span, static_cast<int64_t>(places.size()) - 1);
  std::stable_sort(spans.begin(), spans.end(), [](const NamedSpan& a, const NamedSpan& b) {
    const int64_t difference = (a.end - a.begin) - (b.end - b.begin);
    return difference != 0 ? difference > 0 : a.begin < b.begin;
  });
  for (const NamedSpan& span : spans) {
    const uint32_t begin = places[static_cast<size_t>(span.begin)];
    const uint32_t end = places[static_cast<size_t>(span.end)];
    // The words that have a byte of it.
    const auto first =
        std::partition_point(result.words.begin(), result.words.end(),
                             [begin](const texts::Span& word) { return word.end <= begin; });
    const auto last = std::partition_point(
        first, result.words.end(), [end](const texts::Span& word) { return word.begin < end; });
    if (first == last) {
      ++faults.blank;
      continue;
    }
    const auto tags = result.tags.begin() + (first - result.words.begin());
    const auto tags_end = tags + (last - first);
    if (std::any_of(tags, tags_end, [](const std::string& tag) { return tag != "O"; })) {
      ++faults.overlapping;
      continue;
    }
    if (first->begin < begin || (last - 1)->end > end) ++faults.inside_words;
    *tags = "B-" + span.type;
    std::fill(tags + 1, tags_end, "I-" + span.type);
  }
  return result;
}

}  // namespace graft::data
