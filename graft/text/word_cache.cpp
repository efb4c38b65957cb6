#include "graft/text/word_cache.h"

#include <cstring>

namespace graft::texts {
namespace {

// About 3 MB: the words of English text fit.
constexpr size_t kSlots = size_t{1} << 16;
constexpr size_t kMostWords = kSlots / 2;
constexpr size_t kMostCharacters = size_t{1} << 20;
constexpr size_t kMostTokens = size_t{1} << 17;

}  // namespace

WordCache::WordCache() : slots_(kSlots) {}

std::span<const Token> WordCache::find(std::string_view word, uint64_t hash) const {
  for (size_t at = hash & (kSlots - 1);; at = (at + 1) & (kSlots - 1)) {
    const Slot& slot = slots_[at];
    if (slot.length == 0) return {};
    if (slot.hash == hash && slot.length == word.size() &&
        std::memcmp(characters_.data() + slot.word, word.data(), word.size()) == 0)
      return {tokens_.data() + slot.token, slot.count};
  }
}

void WordCache::put(std::string_view word, uint64_t hash, std::span<const Token> tokens) {
  if (word.empty() || word.size() > kLongestWord || tokens.empty()) return;
  if (used_ >= kMostWords || characters_.size() + word.size() > kMostCharacters ||
      tokens_.size() + tokens.size() > kMostTokens) {
    slots_.assign(kSlots, {});
    characters_.clear();
    tokens_.clear();
    used_ = 0;
  }
  size_t at = hash & (kSlots - 1);
  while (slots_[at].length != 0) at = (at + 1) & (kSlots - 1);
  slots_[at] = {hash, static_cast<uint32_t>(characters_.size()), static_cast<uint32_t>(word.size()),
                static_cast<uint32_t>(tokens_.size()), static_cast<uint32_t>(tokens.size())};
  characters_.append(word);
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  ++used_;
}

}  // namespace graft::texts
