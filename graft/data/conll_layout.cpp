#include "graft/data/conll_layout.h"

#include <algorithm>

#include "graft/data/text_file.h"

namespace graft::data {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr size_t kUniversalWidth = 10;

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 10 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_place_tag(std::string_view tag) {
  constexpr std::string_view kPlaces = "BIESLU";
  const bool place = !tag.empty() && kPlaces.find(tag[0]) != std::string_view::npos;
  return place && (tag.size() == 1 || (tag.size() > 2 && (tag[1] == '-' || tag[1] == '_')));
}

/// Calls `take` with the lines that have words; `first` where one begins a sentence.
template <typename Take>
void for_each_word(const std::vector<std::string_view>& lines, const ConllLayout& layout,
                   const Take& take) {
  bool first = true;
  for (const std::string_view line : lines) {
    if (ends_sentence(line) || begins_document(line)) {
      first = true;
      continue;
    }
    if (first && layout.is_comment(line)) continue;
    take(layout.cells_of(line), first);
    first = false;
  }
}

/// Whether the first cells count the words of each sentence.
bool counts_words(const std::vector<std::string_view>& lines, const ConllLayout& layout) {
  int64_t expected = 1;
  bool several = false;
  bool counts = true;
  for_each_word(lines, layout, [&](const ConllLayout::Cells& cells, bool first) {
    if (first) expected = 1;
    if (layout.is_repeated(cells)) return;
    counts = counts && !cells.empty() && cells[0] == std::to_string(expected);
    several = several || expected > 1;
    ++expected;
  });
  return counts && several;
}

}  // namespace

bool ends_sentence(std::string_view line) {
  return trimmed(line).empty();
}

bool begins_document(std::string_view line) {
  constexpr std::string_view kMark = "-DOCSTART-";
  return line.starts_with(kMark) &&
         (line.size() == kMark.size() || kBlanks.find(line[kMark.size()]) != std::string::npos);
}

ConllLayout::Cells ConllLayout::cells_of(std::string_view line) const {
  Cells cells;
  if (separator == '\t') {
    for (size_t begin = 0; begin <= line.size();) {
      const size_t end = std::min(line.find('\t', begin), line.size());
      cells.push_back(trimmed(line.substr(begin, end - begin), " "));
      begin = end + 1;
    }
    return cells;
  }
  for (size_t at = line.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    cells.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  return cells;
}

bool ConllLayout::is_comment(std::string_view line) const {
  return line.starts_with('#') && cells_of(line).size() != width;
}

bool ConllLayout::is_repeated(const Cells& cells) const {
  if (cells.empty()) return false;
  const size_t sign = cells[0].find_first_of("-.");
  return sign != std::string_view::npos && is_number(cells[0].substr(0, sign)) &&
         is_number(cells[0].substr(sign + 1));
}

std::optional<ConllLayout> find_conll_layout(const std::vector<std::string_view>& lines) {
  ConllLayout layout;
  for (size_t i = 0; i < lines.size() && layout.width == 0; ++i) {
    const std::string_view line = lines[i];
    if (ends_sentence(line) || begins_document(line) || line.starts_with('#')) continue;
    if (line.find('\t') != std::string_view::npos) layout.separator = '\t';
    layout.width = layout.cells_of(line).size();
    layout.first_line = static_cast<int64_t>(i) + 1;
  }
  if (layout.width < 2) return std::nullopt;
  layout.numbered = layout.width > 2 && counts_words(lines, layout);
  layout.universal = layout.numbered && layout.separator == '\t' && layout.width == kUniversalWidth;
  layout.word = layout.numbered ? 1 : 0;
  layout.tag = layout.universal ? 3 : layout.width - 1;
  return layout;
}

bool looks_tagged(const std::vector<std::string_view>& lines) {
  const auto layout = find_conll_layout(lines);
  if (!layout) return false;
  bool all = true;
  bool some = false;
  for_each_word(lines, *layout, [&](const ConllLayout::Cells& cells, bool) {
    if (cells.size() != layout->width) {
      all = false;
      return;
    }
    const bool place = is_place_tag(cells[layout->tag]);
    all = all && (place || cells[layout->tag] == "O");
    some = some || place;
  });
  return all && some;
}

}  // namespace graft::data
