#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace graft::texts {

/// Mixes the bytes of a text into 64 bits, eight at a time. For tables in memory, not for storage.
uint64_t hash_text(std::string_view text);

/// From texts to numbers: an open table without deletion over one block of characters, several
/// times as fast to ask as std::unordered_map.
class StringMap {
 public:
  StringMap() = default;

  void reserve(size_t count);
  /// Sets the number of `key`; returns false when it had one, which is replaced.
  bool set(std::string_view key, uint32_t value);
  std::optional<uint32_t> find(std::string_view key) const { return find(key, hash_text(key)); }
  std::optional<uint32_t> find(std::string_view key, uint64_t hash) const;
  bool contains(std::string_view key) const { return find(key).has_value(); }
  size_t size() const { return count_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t offset = 0;  ///< in characters_
    uint32_t length = kFree;
    uint32_t value = 0;
  };
  static constexpr uint32_t kFree = UINT32_MAX;

  size_t slot_of(std::string_view key, uint64_t hash) const;
  void grow(size_t slots);

  std::vector<Slot> slots_;
  std::string characters_;
  size_t count_ = 0;
};

}  // namespace graft::texts
