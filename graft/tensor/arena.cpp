#include "graft/tensor/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>

namespace graft {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kPage = size_t{2} << 20;   // a huge page: what is touched, and given back, at once
constexpr size_t kLeast = size_t{1} << 30;  // fewer addresses are not worth having

size_t round_up(size_t value, size_t to) {
  return (value + to - 1) / to * to;
}

}  // namespace

Arena::Arena(size_t space) {
  for (space = round_up(space, kPage); space >= kLeast; space = round_up(space / 2, kPage)) {
    // Addresses only: memory comes with the first touch.
    void* found = ::mmap(nullptr, space + kPage, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED) continue;
    const auto address = reinterpret_cast<size_t>(found);
    base_ = static_cast<char*>(found) + (round_up(address, kPage) - address);
    space_ = space;
    ::madvise(base_, space_, MADV_HUGEPAGE);
    touched_.assign(space_ / kPage, false);
    free_.emplace(0, space_);
    return;
  }
}

Arena::~Arena() {
  if (base_) ::munmap(base_, space_);
}

void Arena::touch(size_t offset, size_t bytes) {
  for (size_t page = offset / kPage; page * kPage < offset + bytes; ++page) {
    if (touched_[page]) continue;
    touched_[page] = true;
    ++touched_pages_;
    end_ = std::max(end_, page + 1);
  }
}

void* Arena::take(size_t bytes) {
  bytes = round_up(std::max<size_t>(bytes, 1), kAlignment);
  const std::lock_guard lock(mutex_);
  for (auto range = free_.begin(); range != free_.end(); ++range) {
    const auto [offset, size] = *range;
    if (size < bytes) continue;
    free_.erase(range);
    if (size > bytes) free_.emplace(offset + bytes, size - bytes);
    touch(offset, bytes);
    return base_ + offset;
  }
  return nullptr;
}

void Arena::give(void* block, size_t bytes) {
  bytes = round_up(std::max<size_t>(bytes, 1), kAlignment);
  size_t offset = static_cast<size_t>(static_cast<char*>(block) - base_);
  const std::lock_guard lock(mutex_);
  auto next = free_.lower_bound(offset);
  if (next != free_.end() && next->first == offset + bytes) {
    bytes += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) {
      before->second += bytes;
      return;
    }
  }
  free_.emplace_hint(next, offset, bytes);
}

void Arena::trim(size_t keep) {
  const std::lock_guard lock(mutex_);
  for (auto range = free_.rbegin(); range != free_.rend(); ++range) {
    if (touched_pages_ * kPage <= keep) return;
    const size_t first = round_up(range->first, kPage) / kPage;
    const size_t last = std::min((range->first + range->second) / kPage, end_);
    for (size_t page = last; page > first; --page) {
      if (touched_pages_ * kPage <= keep) return;
      if (!touched_[page - 1]) continue;
      ::madvise(base_ + (page - 1) * kPage, kPage, MADV_DONTNEED);
      touched_[page - 1] = false;
      --touched_pages_;
      if (page == end_) --end_;
    }
  }
}

size_t Arena::resident() const {
  const std::lock_guard lock(mutex_);
  return touched_pages_ * kPage;
}

}  // namespace graft
