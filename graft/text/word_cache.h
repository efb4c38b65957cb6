#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graft/text/model.h"

namespace graft::texts {

/// Remembers the tokens of words. Bounded: when it is full, everything is forgotten.
class WordCache {
 public:
  WordCache();

  /// The tokens of a word, or an empty span when it is not known. Valid until the next `put`.
  std::span<const Token> find(std::string_view word, uint64_t hash) const;
  void put(std::string_view word, uint64_t hash, std::span<const Token> tokens);

  /// Longer words are rare, and not worth a place.
  static constexpr size_t kLongestWord = 255;

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t word = 0;    ///< offset in characters_
    uint32_t length = 0;  ///< 0 for a free one
    uint32_t token = 0;   ///< offset in tokens_
    uint32_t count = 0;
  };

  std::vector<Slot> slots_;
  std::string characters_;
  std::vector<Token> tokens_;
  size_t used_ = 0;
};

}  // namespace graft::texts
