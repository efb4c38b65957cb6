#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graft/text/node.h"
#include "graft/text/string_map.h"

namespace graft::texts {

/// Tokens and their ids, which may have holes.
class Vocabulary {
 public:
  /// From {"token": id, ...}. Throws (exit code 3) on ids that are none, or far above the number of
  /// tokens (they would size tables).
  static Vocabulary read(const Node& node);
  /// `tokens[i]` has the id i. Of equal tokens the last one has the text.
  explicit Vocabulary(std::vector<std::string> tokens = {});

  std::optional<uint32_t> id(std::string_view token) const { return ids_.find(token); }
  std::optional<uint32_t> id(std::string_view token, uint64_t hash) const {
    return ids_.find(token, hash);
  }
  /// The token with an id, or null.
  const std::string* token(uint32_t id) const {
    return id < tokens_.size() && known_[id] ? &tokens_[id] : nullptr;
  }
  /// Number of different tokens.
  size_t size() const { return ids_.size(); }
  /// One above the highest id.
  size_t id_end() const { return tokens_.size(); }
  /// Bytes of the longest token.
  size_t longest() const { return longest_; }

 private:
  void put(const std::string& token, uint32_t id);

  StringMap ids_;
  std::vector<std::string> tokens_;
  std::vector<bool> known_;
  size_t longest_ = 0;
};

/// Ids of the tokens "<0x00>" to "<0xFF>", for characters that a vocabulary lacks.
struct ByteTokens {
  explicit ByteTokens(const Vocabulary& vocabulary);
  std::optional<uint32_t> of(char byte) const;
  bool complete() const;

 private:
  std::vector<int64_t> ids_;
};

}  // namespace graft::texts
