#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

namespace graft {

/// Address space from which large tensors are cut. A training step frees what the next one asks for
/// again; giving pages back to the system in between would have every one of them zeroed anew,
/// which costs more than many layers do. Freed ranges therefore join their neighbours and are used
/// again, lowest address first; pages beyond `trim`'s limit are given back, highest first.
class Arena {
 public:
  /// Reserves up to `space` bytes of addresses; less where the system refuses, none at worst.
  explicit Arena(size_t space);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// `bytes` aligned to 64, or null when no free range is as large.
  void* take(size_t bytes);
  /// Gives back what `take` returned, with the same size.
  void give(void* block, size_t bytes);
  /// Gives free pages back to the system until at most `keep` bytes are resident or none is left.
  void trim(size_t keep);

  bool owns(const void* block) const { return block >= base_ && block < base_ + space_; }
  /// Bytes of pages that were touched and not given back.
  size_t resident() const;

 private:
  using Ranges = std::map<size_t, size_t>;  // offset → size

  void touch(size_t offset, size_t bytes);

  char* base_ = nullptr;
  size_t space_ = 0;
  mutable std::mutex mutex_;
  Ranges free_;
  std::vector<bool> touched_;  // by page
  size_t touched_pages_ = 0;
  size_t end_ = 0;  // no page from here on is touched
};

}  // namespace graft
