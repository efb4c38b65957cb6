#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace graft::texts {

/// The rules of a sentencepiece normaliser, as its "precompiled_charsmap": a double array (Darts)
/// from byte sequences to offsets into a block of texts.
class CharsMap {
 public:
  /// No rules.
  CharsMap() = default;
  /// Throws (exit code 3) when sizes do not fit.
  CharsMap(std::string_view blob, const std::string& where);

  struct Rule {
    uint32_t bytes;            ///< of the text that the rule replaces
    std::string_view content;  ///< what it is replaced by
  };
  /// The rule for the longest beginning of `text`, as sentencepiece chooses.
  std::optional<Rule> longest(std::string_view text) const;
  /// The rule for the shortest one, as `tokenizers` chooses.
  std::optional<Rule> shortest(std::string_view text) const;
  bool empty() const { return units_.empty(); }

 private:
  std::optional<Rule> search(std::string_view text, bool longest) const;

  std::vector<uint32_t> units_;
  std::string texts_;  ///< each ends with a zero byte
};

}  // namespace graft::texts
