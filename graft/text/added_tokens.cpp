#include "graft/text/added_tokens.h"

#include <algorithm>

#include "graft/text/unicode/properties.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

bool ends_with_word(std::string_view text) {
  return !text.empty() && is_word(utf8_before(text, text.size()).code);
}
bool starts_with_word(std::string_view text) {
  return !text.empty() && is_word(utf8_at(text, 0).code);
}

/// Where the white space at the end of `text` begins.
size_t spaces_at_end(std::string_view text) {
  size_t at = text.size();
  while (at > 0) {
    const Utf8Char last = utf8_before(text, at);
    if (!is_space(last.code)) break;
    at -= last.bytes;
  }
  return at;
}
/// Where the white space at the beginning of `text` ends.
size_t spaces_at_start(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Utf8Char next = utf8_at(text, at);
    if (!is_space(next.code)) break;
    at += next.bytes;
  }
  return at;
}

}  // namespace

size_t AddedTokens::add(const std::vector<AddedToken>& tokens, const Model& model,
                        const Normalizer* normalizer) {
  size_t added = 0;
  const auto model_size = static_cast<uint32_t>(model.vocabulary().size());
  uint32_t next = model_size;
  if (const auto highest = highest_id())
    if (*highest >= model_size) next = *highest + 1;
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    const auto own = id(token.content);
    if (own && entries_.at(*own).token == token) continue;
    ++added;
    uint32_t fresh = 0;
    if (own) {
      fresh = *own;
    } else if (const auto known = model.vocabulary().id(token.content)) {
      fresh = *known;
    } else {
      fresh = next++;
    }
    Entry entry{token, token.content};
    if (token.normalized && normalizer != nullptr) {
      AlignedText text = AlignedText::of(token.content, 0, false);
      normalizer->apply(text);
      entry.normal = std::move(text.text);
    }
    ids_[token.content] = fresh;
    if (token.special) special_.insert(token.content);
    entries_[fresh] = std::move(entry);
  }
  if (added > 0) rebuild();
  return added;
}

void AddedTokens::rebuild() {
  std::vector<ByteTrie::Entry> plain;
  std::vector<ByteTrie::Entry> normal;
  for (const auto& [id, entry] : entries_) {
    if (entry.token.normalized) {
      normal.push_back({entry.normal, id});
    } else {
      plain.push_back({entry.token.content, id});
    }
  }
  plain_ = ByteTrie(std::move(plain));
  normal_ = ByteTrie(std::move(normal));
}

void AddedTokens::split(std::string_view text, bool normalized, bool parse_special,
                        std::vector<Found>& out) const {
  const auto size = static_cast<uint32_t>(text.size());
  const ByteTrie& trie = normalized ? normal_ : plain_;
  uint32_t written = 0;  // everything before is in `out`
  if (!trie.empty()) {
    for (uint32_t at = 0; at < size;) {
      uint32_t longest = 0;
      uint32_t id = 0;
      if (trie.begins(text[at])) {
        trie.prefixes(text.substr(at), [&](uint32_t bytes, uint32_t value) {
          longest = bytes;
          id = value;
        });
      }
      if (longest == 0) {
        ++at;
        continue;
      }
      uint32_t begin = at;
      uint32_t end = at + longest;
      at = end;
      const AddedToken& token = entries_.at(id).token;
      if (!parse_special && is_special(token.content)) continue;
      if (token.single_word &&
          (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end))))
        continue;
      if (token.lstrip) {
        begin = std::max(static_cast<uint32_t>(spaces_at_end(text.substr(0, begin))), written);
      }
      if (token.rstrip) end += static_cast<uint32_t>(spaces_at_start(text.substr(end)));
      if (written < begin) out.push_back({written, begin, -1});
      out.push_back({begin, end, static_cast<int64_t>(id)});
      written = end;
      at = std::max(at, end);
    }
  }
  if (written < size) out.push_back({written, size, -1});
}

std::optional<uint32_t> AddedTokens::id(const std::string& content) const {
  const auto found = ids_.find(content);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const AddedToken* AddedTokens::token(uint32_t id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.token;
}

const std::string* AddedTokens::decoded(uint32_t id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return nullptr;
  return found->second.token.normalized ? &found->second.normal : &found->second.token.content;
}

std::optional<uint32_t> AddedTokens::highest_id() const {
  std::optional<uint32_t> highest;
  for (const auto& [id, entry] : entries_) highest = std::max(highest.value_or(0), id);
  return highest;
}

}  // namespace graft::texts
