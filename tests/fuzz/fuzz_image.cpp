#include <cstddef>
#include <cstdint>
#include <span>

#include "graft/base/error.h"
#include "graft/image/codec.h"

/// Any bytes give a picture or a graft::Error; everything else is a finding.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  try {
    // Small declared sizes only: the limits allow more memory than a fuzzing machine should spend.
    constexpr int64_t kMostPixels = int64_t{1} << 22;
    const graft::image::Dimensions declared = graft::image::probe(bytes, "fuzz");
    if (int64_t{declared.width} * declared.height > kMostPixels) return 0;
    const graft::image::Image image = graft::image::decode(bytes, "fuzz");
    if (image.width != declared.width || image.height != declared.height) __builtin_trap();
    graft::image::decode(bytes, "fuzz", 16);
  } catch (const graft::Error&) {
    return 0;
  }
  return 0;
}
