#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graft/text/aligned_text.h"

namespace graft::texts {

/// A text as tokens. All lists are as long as `ids`; where only ids were asked for (EncodeOptions),
/// the others are empty.
struct Encoding {
  static constexpr int32_t kNone = -1;

  std::vector<uint32_t> ids;
  std::vector<uint32_t> type_ids;  ///< 0, or 1 for the second text, as the model wants it
  std::vector<std::string> tokens;
  std::vector<Span> offsets;                 ///< in the text given; {0, 0} for special tokens
  std::vector<int32_t> words;                ///< number of the word in its text, kNone outside
  std::vector<int32_t> sequences;            ///< 0 first text, 1 second text, kNone outside of both
  std::vector<uint8_t> attention_mask;       ///< 0 for padding
  std::vector<uint8_t> special_tokens_mask;  ///< 1 for tokens that are not of the text
  std::vector<Encoding> overflow;            ///< what truncation cut off, in windows of their own

  bool detailed = true;  ///< false where only ids were asked for

  size_t size() const { return ids.size(); }
};

enum class Direction { left, right };

/// What to cut when texts are too long.
enum class TruncationStrategy { longest_first, only_first, only_second };

struct Truncation {
  uint64_t max_length = 512;  ///< special tokens included
  uint64_t stride = 0;        ///< tokens that windows of the overflow share
  TruncationStrategy strategy = TruncationStrategy::longest_first;
  Direction direction = Direction::right;  ///< the side that is cut
  /// Whether the rest goes into Encoding::overflow. Of two long texts that is every window of one
  /// with every one of the other.
  bool keep_rest = true;
};

struct Padding {
  std::optional<uint64_t> length;  ///< nothing: that of the longest in the batch
  uint64_t multiple_of = 0;        ///< 0: of any
  Direction direction = Direction::right;
  uint32_t id = 0;
  uint32_t type_id = 0;
  std::string token = "[PAD]";
};

/// Appends `other`.
void append(Encoding& encoding, const Encoding& other);
/// As append, and combines the overflow of both: each window of one with each of the other.
void merge(Encoding& encoding, const Encoding& other);
/// Keeps `max_length` tokens; the rest goes into windows of the overflow or away. Throws (exit code
/// 2) unless stride < max_length.
void truncate(Encoding& encoding, uint64_t max_length, const Truncation& how);
/// Cuts one text or two so that both together have at most `how.max_length` tokens. Throws (exit
/// code 2) when the strategy cannot do that.
void truncate_pair(Encoding& first, Encoding* second, const Truncation& how);
/// Brings all to the same length.
void pad(std::vector<Encoding>& encodings, const Padding& how);

}  // namespace graft::texts
