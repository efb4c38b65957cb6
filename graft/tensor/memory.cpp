#include "graft/tensor/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "graft/base/error.h"

namespace graft {
namespace {

constexpr size_t kAlignment = 64;

std::atomic<int64_t> live{0};
std::atomic<int64_t> peak{0};

void count(int64_t bytes) {
  const int64_t now = live.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  int64_t seen = peak.load(std::memory_order_relaxed);
  while (now > seen && !peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

/// The size stands in front of the block, so that freeing needs nothing else.
void free_counted(void* data) {
  if (!data) return;
  char* block = static_cast<char*>(data) - kAlignment;
  int64_t bytes = 0;
  std::memcpy(&bytes, block, sizeof bytes);
  count(-bytes);
  std::free(block);
}

class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &free_counted, c10::Device(c10::DeviceType::CPU)};
    void* block = nullptr;
    if (bytes > size_t{1} << 46 || ::posix_memalign(&block, kAlignment, bytes + kAlignment) != 0) {
      fail(ErrorCode::no_plan,
           "the system refused {} more bytes of memory ({} are in use by tensors); give a smaller train.batch, "
           "or a budget.memory so that graft plans within it",
           bytes, live.load());
    }
    const auto counted = static_cast<int64_t>(bytes);
    std::memcpy(block, &counted, sizeof counted);
    count(counted);
    void* data = static_cast<char*>(block) + kAlignment;
    return {data, data, &free_counted, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_counted; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
};

}  // namespace

void install_counting_allocator() {
  static const bool kInstalled = [] {
    static CountingAllocator allocator;
    c10::SetAllocator(c10::DeviceType::CPU, &allocator, 1);
    // Large blocks go back to the system when freed: resident size then follows what is alive.
    ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
    return true;
  }();
  (void)kInstalled;
}

int64_t live_tensor_bytes() { return live.load(); }
int64_t peak_tensor_bytes() { return peak.load(); }
void reset_peak_tensor_bytes() { peak.store(live.load()); }
void release_free_memory() { ::malloc_trim(0); }

}  // namespace graft
