#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graft/text/regex.h"
#include "graft/text/span.h"
#include "graft/text/unicode/normal_form.h"

namespace graft::texts {

/// Text on its way through normalisation, and for each of its bytes the stretch of the original it
/// stands for. The stretches are kept only where somebody wants offsets: `origins` is empty else.
struct AlignedText {
  std::string text;
  std::vector<Span> origins;
  bool tracked = false;
  uint32_t begin = 0;  ///< where the original of all of it begins

  /// The part of an original text that begins at byte `begin` there.
  static AlignedText of(std::string_view original, uint32_t begin, bool tracked);
};

/// Writes the new form of `text` (a whole AlignedText or a piece of one) behind `out`, walking
/// through the old form: the arithmetic of NormalizedString::transform in `tokenizers`.
class Rewriter {
 public:
  /// `origins` may be null. `begin` is where the original of the piece begins.
  Rewriter(std::string_view text, const Span* origins, uint32_t begin, AlignedText& out)
      : text_(text), origins_(origins), begin_(begin), out_(out) {}

  /// Passes over `characters` without writing anything.
  void skip(size_t characters);
  /// Writes a character: see Change.
  void put(char32_t code, int change);
  void put(const Change& c) { put(c.code, c.change); }
  /// The next `bytes` bytes as they are.
  void copy(size_t bytes);
  /// Writes `content` in place of the next `bytes` bytes; its alignment is that of the last one.
  void replace(size_t bytes, std::string_view content);
  size_t position() const { return at_; }

 private:
  Span before() const { return at_ > 0 ? origins_[at_ - 1] : Span{begin_, begin_}; }
  Span here() const { return at_ < text_.size() ? origins_[at_] : before(); }
  void align(size_t bytes, Span span) { out_.origins.insert(out_.origins.end(), bytes, span); }

  std::string_view text_;
  const Span* origins_;
  uint32_t begin_;
  AlignedText& out_;
  size_t at_ = 0;
};

/// The operations of normalisers; each leaves text and alignment as `tokenizers` does.
void apply_changes(AlignedText& text, const std::vector<Change>& changes, size_t skipped = 0);
/// Keeps the characters for which `keep` is true.
template <typename Keep>
void filter(AlignedText& text, Keep keep);
/// Replaces each character by `map(c)`.
template <typename Map>
void map_characters(AlignedText& text, Map map);
void lowercase(AlignedText& text);
void to_normal_form(AlignedText& text, NormalForm form);
void prepend(AlignedText& text, std::string_view prefix);
void strip(AlignedText& text, bool left, bool right);
void replace_all(AlignedText& text, const Regex& pattern, std::string_view content);

/// The characters of valid UTF-8.
std::vector<char32_t> characters_of(std::string_view text);

template <typename Keep>
void filter(AlignedText& text, Keep keep) {
  std::vector<Change> changes;
  size_t leading = 0;
  for (const char32_t c : characters_of(text.text)) {
    if (keep(c)) {
      changes.push_back({c, 0});
    } else if (changes.empty()) {
      ++leading;
    } else {
      --changes.back().change;
    }
  }
  apply_changes(text, changes, changes.empty() ? 0 : leading);
}

template <typename Map>
void map_characters(AlignedText& text, Map map) {
  std::vector<Change> changes;
  for (const char32_t c : characters_of(text.text)) changes.push_back({map(c), 0});
  apply_changes(text, changes);
}

}  // namespace graft::texts
