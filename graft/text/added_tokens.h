#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graft/text/byte_trie.h"
#include "graft/text/model.h"
#include "graft/text/normalizer.h"

namespace graft::texts {

/// A token that is looked for in the text before the model sees it.
struct AddedToken {
  std::string content;
  bool single_word = false;  ///< not inside of a word
  bool lstrip = false;       ///< takes white space before it along
  bool rstrip = false;       ///< and behind it
  bool normalized = true;    ///< looked for in the normalised text, in its normalised form
  bool special = false;      ///< left out by decode(skip_special)
  bool operator==(const AddedToken&) const = default;
};

/// The added tokens of a tokenizer.
class AddedTokens {
 public:
  /// Adds tokens; those the model has keep their id, others get the next one. Returns how many are
  /// new or changed. `normalizer` may be null.
  size_t add(const std::vector<AddedToken>& tokens, const Model& model,
             const Normalizer* normalizer);

  struct Found {
    uint32_t begin, end;
    int64_t id;  ///< -1 for text between tokens
  };
  /// Splits a text into tokens and what lies between them: those that are looked for before
  /// normalisation, or those after it. Special ones are passed over unless `parse_special`.
  void split(std::string_view text, bool normalized, bool parse_special,
             std::vector<Found>& out) const;

  std::optional<uint32_t> id(const std::string& content) const;
  /// The token with an id, or null.
  const AddedToken* token(uint32_t id) const;
  /// Its text as decoders see it: normalised when it is looked for like that. Null without one.
  const std::string* decoded(uint32_t id) const;
  bool is_special(const std::string& content) const { return special_.contains(content); }
  /// All, by content.
  const std::unordered_map<std::string, uint32_t>& all() const { return ids_; }
  std::optional<uint32_t> highest_id() const;

 private:
  struct Entry {
    AddedToken token;
    std::string normal;  ///< content after normalisation, when it is looked for like that
  };
  void rebuild();

  std::unordered_map<std::string, uint32_t> ids_;
  std::unordered_map<uint32_t, Entry> entries_;
  std::unordered_set<std::string> special_;
  ByteTrie plain_;
  ByteTrie normal_;
};

}  // namespace graft::texts
