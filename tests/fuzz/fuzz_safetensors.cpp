// Seeds: *.safetensors

// Seeds: *.safetensors
#include <ATen/ATen.h>

#include <cstddef>
#include <cstdint>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"

/// Reads every tensor of a file made of any bytes; only graft::Error may come out.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const graft::io::SafetensorsReader reader({data, size}, nullptr, "input");
    for (const auto& [name, tensor] : reader.all()) tensor.clone();
  } catch (const graft::Error&) {
  }
  return 0;
}
