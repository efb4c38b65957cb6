#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "graft/text/aligned_text.h"

namespace graft::texts {

/// What becomes of the text that a pattern matches when it is split there. "the-final--countdown"
/// at "-": removed (the final countdown), isolated (the - final - - countdown),
/// merged_with_previous (the- final- - countdown), merged_with_next (the -final - -countdown),
/// contiguous (the - final -- countdown).
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// A part of the text as splitting sees it.
struct Part {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool matched = false;
};

/// The parts of a text of `size` bytes where `matches` matched, or did not (`invert`), appended
/// without gaps.
void parts_of(const std::vector<Match>& matches, uint32_t size, bool invert,
              std::vector<Part>& parts);
/// Joins and drops parts, which cover a text without gaps, as `behavior` says.
void merge_parts(std::vector<Part>& parts, SplitBehavior behavior);

/// A piece of text that a model turns into tokens, or an added token that was found in it.
struct Piece {
  uint32_t begin = 0;  ///< in Pieces::text
  uint32_t end = 0;
  uint32_t origin = 0;  ///< where its original begins
  int64_t token = -1;   ///< id of the added token
};

/// The text of one input, normalised, and its pieces in order.
class Pieces {
 public:
  AlignedText text;
  std::vector<Piece> all;

  std::string_view view(const Piece& piece) const {
    return std::string_view(text.text).substr(piece.begin, piece.end - piece.begin);
  }
  /// Adds the part [begin, end) of `from` (relative to `base`, where it lies in `text`) as a piece;
  /// empty ones are dropped. `fallback` is the origin when nothing is tracked.
  void add(uint32_t begin, uint32_t end, int64_t token, uint32_t fallback);

  /// Splits every piece that is no token: `find(view, parts)` appends parts of the piece, those
  /// that are to be dropped left out.
  template <typename Find>
  void split(Find find);
  /// Rewrites every piece that is no token: `write(piece, view, Rewriter&)`.
  template <typename Write>
  void rewrite(Write write);

 private:
  uint32_t origin_at(uint32_t byte, uint32_t fallback) const {
    return text.tracked ? text.origins[byte].begin : fallback;
  }
};

template <typename Find>
void Pieces::split(Find find) {
  std::vector<Piece> old;
  old.swap(all);
  all.reserve(old.size() * 2);
  std::vector<Part> parts;
  for (const Piece& piece : old) {
    if (piece.token >= 0) {
      all.push_back(piece);
      continue;
    }
    parts.clear();
    find(view(piece), parts);
    for (const Part& part : parts)
      add(piece.begin + part.begin, piece.begin + part.end, -1, piece.origin + part.begin);
  }
}

template <typename Write>
void Pieces::rewrite(Write write) {
  AlignedText out{{}, {}, text.tracked, text.begin};
  out.text.reserve(text.text.size() + text.text.size() / 4);
  if (text.tracked) out.origins.reserve(out.text.capacity());
  for (Piece& piece : all) {
    const auto begin = static_cast<uint32_t>(out.text.size());
    Rewriter writer(view(piece), text.tracked ? text.origins.data() + piece.begin : nullptr,
                    piece.origin, out);
    if (piece.token >= 0) {
      writer.copy(piece.end - piece.begin);
    } else {
      write(piece, view(piece), writer);
    }
    piece.begin = begin;
    piece.end = static_cast<uint32_t>(out.text.size());
  }
  text = std::move(out);
}

}  // namespace graft::texts
