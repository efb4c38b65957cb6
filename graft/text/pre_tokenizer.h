#pragma once

#include <memory>

#include "graft/text/component.h"
#include "graft/text/pieces.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {

/// Splits a text into the pieces that a model sees one at a time, and may rewrite them. Immutable,
/// used by many threads at once.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Pieces& pieces) const = 0;
  /// Whether what it does depends on where a piece stood in the original.
  virtual bool needs_origins() const { return false; }
};

const std::vector<ComponentRecord<PreTokenizer>>& pre_tokenizers();
std::unique_ptr<const PreTokenizer> make_pre_tokenizer(const Node& node, int depth = 0);

/// Parts of a text by a property of characters: each character that has it is a part of its own.
template <typename Predicate>
void parts_by(std::string_view text, Predicate has, std::vector<Part>& parts) {
  uint32_t begin = 0;
  for (uint32_t at = 0; at < text.size();) {
    const Utf8Char next = utf8_at(text, at);
    if (has(next.code)) {
      if (begin < at) parts.push_back({begin, at, false});
      parts.push_back({at, at + next.bytes, true});
      begin = at + next.bytes;
    }
    at += next.bytes;
  }
  if (begin < text.size()) parts.push_back({begin, static_cast<uint32_t>(text.size()), false});
}

}  // namespace graft::texts
