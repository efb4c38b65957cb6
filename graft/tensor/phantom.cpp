#include "graft/tensor/phantom.h"

#include <sys/mman.h>
#include <torch/types.h>

#include <algorithm>
#include <mutex>

namespace graft {
namespace {

constexpr size_t kLeast = size_t{1} << 30;

/// Addresses that read as zero. Pages of it are the system's one page of zeros.
void* zeros(size_t bytes) {
  static std::mutex mutex;
  static void* region = nullptr;
  static size_t size = 0;
  const std::lock_guard lock(mutex);
  if (bytes > size) {
    // The former, smaller region stays: tensors may still point there.
    const size_t wanted = std::max(bytes, std::max(kLeast, 2 * size));
    void* found =
        ::mmap(nullptr, wanted, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED) return nullptr;
    region = found;
    size = wanted;
  }
  return region;
}

}  // namespace

at::Tensor phantom(at::IntArrayRef sizes, const at::TensorOptions& options, bool channels_last) {
  if (!options.device().is_cpu()) {
    return at::empty(sizes, options,
                     channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  }
  size_t bytes = options.dtype().itemsize();
  for (const int64_t size : sizes) bytes *= static_cast<size_t>(size);
  void* data = zeros(bytes);
  if (!data) return at::zeros({1}, options).expand(sizes);
  if (!channels_last) return at::from_blob(data, sizes, options);
  return at::from_blob(data, sizes, c10::get_channels_last_strides_2d(sizes), options);
}

}  // namespace graft
