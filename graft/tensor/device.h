#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

namespace graft {

/// "auto" takes the GPU when LibTorch sees one; "cuda" is an error where there is none.
c10::Device choose_device(const std::string& name);
/// "float32" or "bfloat16" ("float16" only on a GPU). "auto" is resolved by the planner's probe.
c10::ScalarType precision_type(const std::string& name, c10::Device device);
/// True when the CPU multiplies bfloat16 matrices in hardware (AVX512-BF16 or AMX).
bool cpu_has_bfloat16();
/// Threads of torch's own pool.
void set_threads(int threads);
/// One line: LibTorch's version, CPU features, threads.
std::string torch_summary();

}  // namespace graft
