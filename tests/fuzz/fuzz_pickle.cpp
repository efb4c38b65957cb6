// Seeds: *.pt *.pth *.th

// Seeds: *.pt *.pth *.bin
#include <ATen/ATen.h>

#include <cstddef>
#include <cstdint>

#include "graft/base/error.h"
#include "graft/io/torch_pickle.h"

/// Reads a zip or legacy file of torch.save made of any bytes, and every element of its tensors
/// (repeated ones aside: they lie inside their storage by their first and last element).
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    for (const auto& [name, tensor] :
         graft::io::parse_torch_pickle({data, size}, nullptr, "input")) {
      if (tensor.numel() <= (1 << 16)) tensor.clone();
    }
  } catch (const graft::Error&) {
  }
  return 0;
}
