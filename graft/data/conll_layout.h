#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace graft::data {

/// How a file of words in lines is laid out (CoNLL-2003, CoNLL-U, WNUT, GermEval and their like).
struct ConllLayout {
  using Cells = std::vector<std::string_view>;

  char separator = ' ';      ///< a tab, or any number of blanks
  size_t width = 0;          ///< columns of a line
  int64_t first_line = 0;    ///< that has them
  bool numbered = false;     ///< the first column counts the words of a sentence
  bool universal = false;    ///< CoNLL-U: ten columns, words by parts and words that are left out
  size_t word = 0, tag = 0;  ///< columns, from 0

  Cells cells_of(std::string_view line) const;
  /// Whether a line at the beginning of a sentence speaks about it and is no word of it.
  bool is_comment(std::string_view line) const;
  /// Whether a line repeats others: "1-2 zum", or adds what nobody wrote: "8.1 …".
  bool is_repeated(const Cells& cells) const;
};

/// Seen from the lines at the beginning of a file; nothing where they are no words in lines.
std::optional<ConllLayout> find_conll_layout(const std::vector<std::string_view>& lines);

/// Whether all of them are words in lines whose tags say where entities begin and end.
bool looks_tagged(const std::vector<std::string_view>& lines);

/// A line between sentences.
bool ends_sentence(std::string_view line);
/// A line between documents: -DOCSTART-.
bool begins_document(std::string_view line);

}  // namespace graft::data
