#include "graft/text/chat/turn_region.h"

#include <algorithm>
#include <string_view>

namespace graft::texts {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

size_t after_spaces(std::string_view text, size_t at, size_t end) {
  while (at < end && kSpaces.find(text[at]) != std::string_view::npos) ++at;
  return at;
}

/// Length of the part of `opening` that the generation prompt gives; npos when they are unlike.
size_t given_by(std::string_view opening, std::string_view prompt) {
  if (prompt.empty()) return std::string_view::npos;
  if (const size_t at = opening.rfind(prompt); at != std::string_view::npos)
    return at + prompt.size();
  const auto [a, b] = std::mismatch(opening.begin(), opening.end(), prompt.begin(), prompt.end());
  if (a == opening.end()) return opening.empty() ? std::string_view::npos : opening.size();
  // Half a mark in common ("<|") says nothing.
  const std::string_view common = opening.substr(0, static_cast<size_t>(a - opening.begin()));
  const size_t last = common.find_last_of(">]\n ");
  return last == std::string_view::npos ? std::string_view::npos : last + 1;
}

/// By the first prompt that is like it.
size_t given_by(std::string_view opening, const std::vector<std::string>& prompts) {
  for (const std::string& prompt : prompts) {
    if (const size_t given = given_by(opening, prompt); given != std::string_view::npos)
      return given;
  }
  return std::string_view::npos;
}

/// End of the last `<tag> </tag>` with nothing but white space inside, and of the white space after
/// it; 0 when there is none.
size_t after_empty_pair(std::string_view opening) {
  const size_t close = opening.rfind("</");
  if (close == std::string_view::npos) return 0;
  const size_t end = opening.find('>', close);
  if (end == std::string_view::npos) return 0;
  const std::string open = "<" + std::string(opening.substr(close + 2, end - close - 1));
  const size_t begin = opening.substr(0, close).rfind(open);
  if (begin == std::string_view::npos || after_spaces(opening, begin + open.size(), close) != close)
    return 0;
  return after_spaces(opening, end + 1, opening.size());
}

void add_range(std::vector<ByteRange>& ranges, size_t begin, size_t end) {
  if (begin >= end) return;
  if (!ranges.empty() && ranges.back().end == begin) {
    ranges.back().end = end;
  } else {
    ranges.push_back({begin, end});
  }
}

}  // namespace

TurnRegion::TurnRegion(const Rendered& rendered, int message)
    : rendered_(rendered), message_(message) {
  for (const SourceSpan& span : rendered.spans) {
    if (span.during == message) spans_.push_back(&span);
  }
  placed_ = !spans_.empty();
  if (placed_) return;
  // A template that names messages one by one: only their own text is known to be theirs.
  for (const SourceSpan& span : rendered.spans) {
    if (is_own(span)) spans_.push_back(&span);
  }
}

bool TurnRegion::is_own(const SourceSpan& span) const {
  return span.message == message_ && !span.field.empty() && span.field != "role" &&
         span.field != "name";
}

std::string TurnRegion::text() const {
  std::string text;
  for (const SourceSpan* span : spans_)
    text += rendered_.text.substr(span->begin, span->end - span->begin);
  return text;
}

TrainedTurn TurnRegion::generated() const {
  TrainedTurn turn{message_, {}, false};
  for (const SourceSpan* span : spans_) {
    if (!span->generated) continue;
    add_range(turn.ranges, span->begin, span->end);
    turn.has_end = !is_own(*span);
  }
  return turn;
}

std::optional<std::string> TurnRegion::opening() const {
  const auto first = std::ranges::find_if(spans_, [this](auto* span) { return is_own(*span); });
  if (!placed_ || first == spans_.end()) return std::nullopt;
  const size_t begin = spans_.front()->begin;
  std::string text = rendered_.text.substr(begin, (*first)->begin - begin);
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

size_t TurnRegion::start(size_t begin, size_t own, const TurnOpenings& openings) const {
  const std::string_view opening = std::string_view(rendered_.text).substr(begin, own - begin);
  const size_t given = given_by(opening, openings.prompts);
  if (given == std::string_view::npos) {
    // What a plain answer has not in front of it, the model says itself: a call's [TOOL_CALLS].
    if (openings.header && opening.starts_with(*openings.header)) {
      const size_t header = openings.header->size();
      if (after_spaces(opening, header, opening.size()) < opening.size()) return begin + header;
    }
    // No header of its own, only a blank, which tokenizers join with the word that follows.
    const bool blank = opening.find_first_not_of(' ') == std::string_view::npos;
    return blank ? begin : own;
  }
  return begin + std::max(given, after_empty_pair(opening));
}

size_t TurnRegion::stop(size_t own_end, const std::string& eos, bool& has_end) const {
  size_t end = own_end;
  for (const SourceSpan* span : spans_) {
    if (span->begin <= end && span->end > end && !is_foreign(*span)) end = span->end;
  }
  const std::string_view text = rendered_.text;
  std::string_view rest = text.substr(own_end, end - own_end);
  const size_t mark = eos.empty() ? std::string_view::npos : rest.find(eos);
  if (mark != std::string_view::npos) {
    rest = rest.substr(0, mark + eos.size());
  } else {
    const size_t last = rest.find_last_not_of(kSpaces);
    rest = rest.substr(0, last == std::string_view::npos ? 0 : last + 1);
  }
  if (rest.empty()) {
    // Written after the loop, or with the next message; or what opens the next turn ends this one.
    const size_t at = after_spaces(text, own_end, text.size());
    size_t length = !eos.empty() && text.substr(at).starts_with(eos) ? eos.size() : 0;
    if (length == 0) length = special_mark(at);
    if (length > 0) rest = text.substr(own_end, at + length - own_end);
  }
  has_end = !rest.empty();
  return own_end + rest.size();
}

size_t TurnRegion::special_mark(size_t at) const {
  for (const SourceSpan& span : rendered_.spans) {
    if (at < span.begin || at >= span.end) continue;
    const std::string_view text = std::string_view(rendered_.text).substr(at, span.end - at);
    const size_t end = text.find("|>");
    const bool mark = span.message < 0 && text.starts_with("<|") && end != std::string_view::npos &&
                      text.find_first_of(kSpaces) > end;
    return mark ? end + 2 : 0;
  }
  return 0;
}

TrainedTurn TurnRegion::trained(const TurnOpenings& openings, const std::string& eos,
                                bool end_of_turn) const {
  TrainedTurn turn{message_, {}, false};
  if (spans_.empty()) return turn;
  const auto own = [this](const SourceSpan* span) { return is_own(*span); };
  const auto first = std::find_if(spans_.begin(), spans_.end(), own);
  const auto last = std::find_if(spans_.rbegin(), spans_.rend(), own);
  size_t begin = 0, own_end = 0;
  if (first != spans_.end()) {
    // The header that counts is the one right before: some templates write others early.
    begin = start(spans_.front()->begin, (*first)->begin, openings);
    own_end = (*last)->end;
  } else {
    // An empty message: its turn ends right after the header.
    const size_t region = spans_.front()->begin;
    const std::string_view written =
        std::string_view(rendered_.text).substr(region, spans_.back()->end - region);
    const size_t given = given_by(written, openings.prompts);
    if (given == std::string_view::npos) return turn;
    begin = own_end = region + std::max(given, after_empty_pair(written));
  }
  size_t end = stop(own_end, eos, turn.has_end);
  if (!end_of_turn) {
    end = own_end;
    turn.has_end = false;
  }
  for (const SourceSpan& span : rendered_.spans) {
    if (span.end <= begin || span.begin >= end || is_foreign(span)) continue;
    if (span.begin < own_end && (placed_ ? span.during != message_ : !is_own(span))) continue;
    add_range(turn.ranges, std::max(begin, span.begin), std::min(end, span.end));
  }
  return turn;
}

}  // namespace graft::texts
