#include "graft/text/string_map.h"

#include <bit>
#include <cstring>

#include "graft/base/error.h"

namespace graft::texts {
namespace {

constexpr uint64_t kMultiplier = 0x9fb21c651e98df25U;

// Not of ISO C++, which g++ would complain about.
__extension__ using Wide = unsigned __int128;

uint64_t mix(uint64_t a, uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t load(const char* bytes, size_t count) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  return word;
}

}  // namespace

uint64_t hash_text(std::string_view text) {
  const char* at = text.data();
  size_t left = text.size();
  uint64_t hash = kMultiplier ^ left;
  for (; left > 8; at += 8, left -= 8) hash = mix(hash ^ load(at, 8), kMultiplier);
  // Reads of fixed length are cheaper than memcpy of a variable one.
  uint64_t tail = 0;
  if (left >= 4) {
    tail = load(at, 4) | load(at + left - 4, 4) << 32;
  } else if (left > 0) {
    tail = load(at, 1) | load(at + left / 2, 1) << 8 | load(at + left - 1, 1) << 16;
  }
  hash = mix(hash ^ tail, kMultiplier ^ left);
  return hash ^ hash >> 29;
}

size_t StringMap::slot_of(std::string_view key, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  const auto short_hash = static_cast<uint32_t>(hash >> 32);
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.length == kFree) return at;
    if (slot.hash == short_hash && slot.length == key.size() &&
        std::memcmp(characters_.data() + slot.offset, key.data(), key.size()) == 0)
      return at;
  }
}

std::optional<uint32_t> StringMap::find(std::string_view key, uint64_t hash) const {
  if (count_ == 0) return std::nullopt;
  const Slot& slot = slots_[slot_of(key, hash)];
  if (slot.length == kFree) return std::nullopt;
  return slot.value;
}

void StringMap::grow(size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.length == kFree) continue;
    const std::string_view key(characters_.data() + slot.offset, slot.length);
    slots_[slot_of(key, hash_text(key))] = slot;
  }
}

void StringMap::reserve(size_t count) {
  const size_t slots = std::bit_ceil(count * 2 + 2);
  if (slots > slots_.size()) grow(slots);
}

bool StringMap::set(std::string_view key, uint32_t value) {
  reserve(count_ + 1);
  const uint64_t hash = hash_text(key);
  Slot& slot = slots_[slot_of(key, hash)];
  const bool fresh = slot.length == kFree;
  if (fresh) {
    if (characters_.size() + key.size() >= UINT32_MAX)
      fail_unreadable("a vocabulary has more than 4 GiB of text; no tokenizer is that large");
    slot.hash = static_cast<uint32_t>(hash >> 32);
    slot.offset = static_cast<uint32_t>(characters_.size());
    slot.length = static_cast<uint32_t>(key.size());
    characters_.append(key);
    ++count_;
  }
  slot.value = value;
  return fresh;
}

}  // namespace graft::texts
