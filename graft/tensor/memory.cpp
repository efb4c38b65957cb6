#include "graft/tensor/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "graft/base/error.h"

namespace graft {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kPooled = size_t{256} << 10;  // blocks from here on are kept for the next step
constexpr size_t kHuge = size_t{4} << 20;      // and from here on ask for huge pages

std::atomic<int64_t> live{0};
std::atomic<int64_t> peak{0};

void count(int64_t bytes) {
  const int64_t now = live.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  int64_t seen = peak.load(std::memory_order_relaxed);
  while (now > seen && !peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

/// Rounds up to eighths of a power of two, so that tensors of almost the same size share blocks.
size_t size_class(size_t bytes) {
  size_t power = kPooled;
  while (power * 2 <= bytes) power *= 2;
  const size_t step = power / 8;
  return (bytes + step - 1) / step * step;
}

/// Blocks that a training step frees and the next one asks for again. Giving them back to the
/// system in between would cost more than many layers do: every page is zeroed anew. What is kept
/// and what is alive never exceed the most that was alive by more than a tenth.
class Pool {
 public:
  void* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(bytes);
    if (found == blocks_.end()) return nullptr;
    void* block = found->second;
    blocks_.erase(found);
    kept_ -= bytes;
    return block;
  }

  void give(void* block, size_t bytes) {
    const std::lock_guard lock(mutex_);
    blocks_.emplace(bytes, block);
    kept_ += bytes;
    most_ = std::max(most_, static_cast<size_t>(live.load()) + bytes);
    shrink(static_cast<size_t>(static_cast<double>(most_) * kPoolSlack));
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    most_ = static_cast<size_t>(live.load());
    shrink(0);
  }

 private:
  void shrink(size_t limit) {
    while (!blocks_.empty() && static_cast<size_t>(live.load()) + kept_ > limit) {
      const auto largest = std::prev(blocks_.end());
      kept_ -= largest->first;
      std::free(largest->second);
      blocks_.erase(largest);
    }
  }

  std::mutex mutex_;
  std::multimap<size_t, void*> blocks_;
  size_t kept_ = 0, most_ = 0;
};

Pool& pool() {
  static Pool& the = *new Pool;  // tensors outlive every static
  return the;
}

/// In front of every block.
struct Header {
  int64_t bytes;    ///< asked for
  size_t reserved;  ///< of the whole block when it belongs to the pool, else 0
};
static_assert(sizeof(Header) <= kAlignment);

void free_counted(void* data) {
  if (!data) return;
  char* block = static_cast<char*>(data) - kAlignment;
  Header header{};
  std::memcpy(&header, block, sizeof header);
  count(-header.bytes);
  if (header.reserved > 0)
    pool().give(block, header.reserved);
  else
    std::free(block);
}

void* new_block(size_t bytes) {
  void* block = nullptr;
  const bool huge = bytes >= kHuge;
  if (bytes > size_t{1} << 46 ||
      ::posix_memalign(&block, huge ? size_t{2} << 20 : kAlignment, bytes) != 0)
    return nullptr;
  if (huge) ::madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}

class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &free_counted, c10::Device(c10::DeviceType::CPU)};
    Header header{static_cast<int64_t>(bytes), 0};
    void* block = nullptr;
    if (bytes + kAlignment >= kPooled && bytes < size_t{1} << 46) {
      header.reserved = size_class(bytes + kAlignment);
      block = pool().take(header.reserved);
      if (!block) block = new_block(header.reserved);
    } else {
      block = new_block(bytes + kAlignment);
    }
    if (!block) {
      fail(ErrorCode::no_plan,
           "the system refused {} more bytes of memory ({} are in use by tensors); give a smaller "
           "train.batch, "
           "or a budget.memory so that graft plans within it",
           bytes, live.load());
    }
    std::memcpy(block, &header, sizeof header);
    count(header.bytes);
    void* data = static_cast<char*>(block) + kAlignment;
    return {data, data, &free_counted, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_counted; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
};

}  // namespace

void install_counting_allocator() {
  static const bool kInstalled = [] {
    static CountingAllocator allocator;
    c10::SetAllocator(c10::DeviceType::CPU, &allocator, 1);
    // What the pool gives back goes back to the system at once: resident size follows what is
    // alive.
    ::mallopt(M_MMAP_THRESHOLD, static_cast<int>(kPooled));
    return true;
  }();
  (void)kInstalled;
}

int64_t live_tensor_bytes() {
  return live.load();
}
int64_t peak_tensor_bytes() {
  return peak.load();
}
void reset_peak_tensor_bytes() {
  peak.store(live.load());
}

void release_free_memory() {
  pool().clear();
  ::malloc_trim(0);
}

}  // namespace graft
