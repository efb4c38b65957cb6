#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graft/text/span.h"

namespace graft::data {

/// A stretch of a text and what it is, counted in characters (code points), as Python counts them.
struct NamedSpan {
  int64_t begin = 0, end = 0;
  std::string type;
};

/// What had to be changed so that every word has one tag, counted over texts.
struct SpanFaults {
  int64_t overlapping = 0;   ///< left out: they share words with a longer one
  int64_t inside_words = 0;  ///< begin or end inside a word and now reach to its ends
  int64_t blank = 0;         ///< left out: there is only white space in them

  /// One sentence each.
  std::vector<std::string> notes(const std::string& where) const;
};

/// Words of a text (texts::separate_words) and their tags.
struct TaggedWords {
  std::vector<texts::Span> words;
  std::vector<std::string> tags;
};

/// Gives the words of a text in valid UTF-8 the tags of IOB2 ("B-type", "I-type", "O"). A span that
/// is not within the text is an error (exit code 3).
TaggedWords tag_words(std::string_view text, std::vector<NamedSpan> spans, SpanFaults& faults);

}  // namespace graft::data
