#include "graft/tensor/memory.h"

#include <ATen/DeviceAccelerator.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/sanitized.h"
#include "graft/tensor/arena.h"

namespace graft {
namespace {

constexpr size_t kAlignment = 64;
constexpr int kScratch = 64 << 20;
constexpr size_t kLarge = size_t{256} << 10;  // from here on the arena serves

std::atomic<int64_t> live{0};
std::atomic<int64_t> peak{0};

void count(int64_t bytes) {
  const int64_t now = live.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  int64_t seen = peak.load(std::memory_order_relaxed);
  while (now > seen && !peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

/// Where large tensors live. AddressSanitizer only watches what malloc gives.
Arena& arena() {
  // Tensors outlive every static.
  static Arena& the = *new Arena(kSanitized ? 0 : 2 * static_cast<size_t>(usable_memory_bytes()));
  return the;
}

/// Most that was alive since the start or the last release, in bytes.
std::atomic<int64_t> most{0};

/// In front of every block.
struct Header {
  int64_t bytes;  ///< asked for
};
static_assert(sizeof(Header) <= kAlignment);

void free_counted(void* data) {
  if (!data) return;
  char* block = static_cast<char*>(data) - kAlignment;
  Header header{};
  std::memcpy(&header, block, sizeof header);
  const int64_t before = live.load();
  int64_t seen = most.load();
  while (before > seen && !most.compare_exchange_weak(seen, before)) {
  }
  count(-header.bytes);
  if (!arena().owns(block)) {
    std::free(block);
    return;
  }
  arena().give(block, static_cast<size_t>(header.bytes) + kAlignment);
  arena().trim(static_cast<size_t>(static_cast<double>(std::max(before, seen)) * kArenaSlack));
}

void* new_block(size_t bytes) {
  if (bytes >= kLarge) {
    if (void* block = arena().take(bytes)) return block;
  }
  void* block = nullptr;
  return ::posix_memalign(&block, kAlignment, bytes) == 0 ? block : nullptr;
}

class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &free_counted, c10::Device(c10::DeviceType::CPU)};
    const Header header{static_cast<int64_t>(bytes)};
    void* block = bytes < size_t{1} << 46 ? new_block(bytes + kAlignment) : nullptr;
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

/// The GPU whose memory counts; a CPU where none does.
c10::Device& counted_device() {
  static c10::Device device(c10::DeviceType::CPU);
  return device;
}

using DeviceStats = c10::CachingDeviceAllocator::DeviceStats;

/// Of a GPU's memory, over all of its pools.
const c10::CachingAllocator::Stat& sum_of(const c10::CachingAllocator::StatArray& stats) {
  return stats[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
}

DeviceStats device_stats() {
  return at::accelerator::getDeviceStats(counted_device().index());
}

}  // namespace

void count_memory_of(c10::Device device) {
  counted_device() = device;
}

void install_counting_allocator() {
  [[maybe_unused]] static const bool installed = [] {
    static CountingAllocator allocator;
    c10::SetAllocator(c10::DeviceType::CPU, &allocator, 1);
    // What the libraries free in large pieces goes back to the system; scratch of a layer's size
    // stays, or each of its pages would be zeroed anew for every layer.
    ::mallopt(M_MMAP_THRESHOLD, kScratch);
    ::mallopt(M_TRIM_THRESHOLD, kScratch);
    return true;
  }();
}

int64_t live_tensor_bytes() {
  if (counted_device().is_cpu()) return live.load();
  return sum_of(device_stats().allocated_bytes).current;
}
int64_t peak_tensor_bytes() {
  if (counted_device().is_cpu()) return peak.load();
  return sum_of(device_stats().allocated_bytes).peak;
}
void reset_peak_tensor_bytes() {
  peak.store(live.load());
  if (!counted_device().is_cpu()) at::accelerator::resetPeakStats(counted_device().index());
}

int64_t held_bytes() {
  if (counted_device().is_cpu()) return resident_bytes();
  return sum_of(device_stats().reserved_bytes).current;
}
int64_t peak_held_bytes() {
  if (counted_device().is_cpu()) return peak_resident_bytes();
  return sum_of(device_stats().reserved_bytes).peak;
}

void release_free_memory() {
  if (!counted_device().is_cpu()) at::accelerator::emptyCache();
  most.store(live.load());
  arena().trim(0);
  ::malloc_trim(0);
}

}  // namespace graft
