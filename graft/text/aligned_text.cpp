#include "graft/text/aligned_text.h"

#include "graft/text/unicode/properties.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {

AlignedText AlignedText::of(std::string_view original, uint32_t begin, bool tracked) {
  AlignedText result{std::string(original), {}, tracked, begin};
  if (!tracked) return result;
  result.origins.reserve(original.size());
  for (size_t at = 0; at < original.size();) {
    const uint32_t bytes = utf8_length(original[at]);
    const auto first = static_cast<uint32_t>(begin + at);
    result.origins.insert(result.origins.end(), bytes, {first, first + bytes});
    at += bytes;
  }
  return result;
}

void Rewriter::skip(size_t characters) {
  for (; characters > 0 && at_ < text_.size(); --characters) at_ += utf8_length(text_[at_]);
}

void Rewriter::put(char32_t code, int change) {
  if (out_.tracked) align(utf8_size(code), change > 0 ? before() : here());
  append_utf8(out_.text, code);
  if (change <= 0) skip(static_cast<size_t>(1 - change));
}

void Rewriter::copy(size_t bytes) {
  out_.text.append(text_.substr(at_, bytes));
  if (out_.tracked) out_.origins.insert(out_.origins.end(), origins_ + at_, origins_ + at_ + bytes);
  at_ += bytes;
}

void Rewriter::replace(size_t bytes, std::string_view content) {
  at_ += bytes;
  out_.text.append(content);
  if (out_.tracked) align(content.size(), before());
}

namespace {

AlignedText empty_like(const AlignedText& text) {
  AlignedText out{{}, {}, text.tracked, text.begin};
  out.text.reserve(text.text.size() + 16);
  if (text.tracked) out.origins.reserve(text.text.size() + 16);
  return out;
}

Rewriter rewriter(const AlignedText& from, AlignedText& to) {
  return {from.text, from.origins.data(), from.begin, to};
}

}  // namespace

std::vector<char32_t> characters_of(std::string_view text) {
  std::vector<char32_t> all;
  all.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Char next = utf8_at(text, at);
    all.push_back(next.code);
    at += next.bytes;
  }
  return all;
}

void apply_changes(AlignedText& text, const std::vector<Change>& changes, size_t skipped) {
  AlignedText out = empty_like(text);
  Rewriter writer = rewriter(text, out);
  writer.skip(skipped);
  for (const Change& change : changes) writer.put(change);
  text = std::move(out);
}

void lowercase(AlignedText& text) {
  std::vector<Change> changes;
  std::vector<char32_t> lower;
  for (const char32_t c : characters_of(text.text)) {
    lower.clear();
    append_lower(c, lower);
    for (size_t i = 0; i < lower.size(); ++i) changes.push_back({lower[i], i == 0 ? 0 : 1});
  }
  apply_changes(text, changes);
}

void to_normal_form(AlignedText& text, NormalForm form) {
  if (is_ascii(text.text)) return;
  std::vector<Change> changes;
  normalize(text.text, form, changes);
  apply_changes(text, changes);
}

void prepend(AlignedText& text, std::string_view prefix) {
  if (text.text.empty()) return;
  if (!text.tracked) {
    text.text.insert(0, prefix);
    return;
  }
  // All of the prefix stands for the first character; without a prefix that one stands for nothing.
  const uint32_t first = utf8_length(text.text[0]);
  const Span span = prefix.empty() ? Span{text.begin, text.begin} : text.origins[0];
  for (uint32_t i = 0; i < first; ++i) text.origins[i] = span;
  text.origins.insert(text.origins.begin(), prefix.size(), span);
  text.text.insert(0, prefix);
}

void strip(AlignedText& text, bool left, bool right) {
  const std::vector<char32_t> all = characters_of(text.text);
  size_t leading = 0;
  size_t trailing = 0;
  if (left) {
    while (leading < all.size() && is_space(all[leading])) ++leading;
  }
  if (right) {
    while (trailing < all.size() && is_space(all[all.size() - 1 - trailing])) ++trailing;
  }
  if (leading == 0 && trailing == 0) return;
  std::vector<Change> changes;
  for (size_t i = leading; i + trailing < all.size(); ++i) changes.push_back({all[i], 0});
  apply_changes(text, changes, leading);
}

void replace_all(AlignedText& text, const Regex& pattern, std::string_view content) {
  std::vector<Match> matches;
  pattern.find_all(text.text, matches);
  if (matches.empty()) return;
  AlignedText out = empty_like(text);
  Rewriter writer = rewriter(text, out);
  for (const Match& match : matches) {
    writer.copy(match.begin - writer.position());
    writer.replace(match.end - match.begin, content);
  }
  writer.copy(text.text.size() - writer.position());
  text = std::move(out);
}

}  // namespace graft::texts
