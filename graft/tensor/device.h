#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

namespace graft {

/// "auto" takes the GPU when LibTorch sees one; "cuda" is an error where there is none.
c10::Device choose_device(const std::string& name);
/// The same, ready for tensors: a GPU is told to give the same numbers for the same seed, and all
/// digits of float32 products. Memory is counted there from then on (memory.h).
c10::Device begin_device(const std::string& name);
/// Texts come in ever new sizes, and oneDNN keeps a compiled product for each of the last thousand,
/// about a megabyte apiece: few of them are kept from here on. To be called before the first
/// product; what the user's environment says of it counts.
void expect_changing_shapes();
/// For an operation that a GPU can only add up as it comes: from here on, until the next
/// begin_device, runs need not repeat to the last bit there.
void allow_unordered_sums();
/// Waits until a GPU has done what it was given; nothing on a CPU. A clock is right only after it.
void finish_work(c10::Device device);
/// A source of random numbers for tensors of a device. A GPU has one, from which LibTorch's fused
/// kernels draw as well: it begins anew.
at::Generator new_generator(c10::Device device, uint64_t seed);
/// "float32" or "bfloat16" ("float16" only on a GPU). "auto" is resolved by the planner's probe.
c10::ScalarType precision_type(const std::string& name, c10::Device device);
/// True when the CPU multiplies bfloat16 matrices in hardware (AVX512-BF16 or AMX).
bool cpu_has_bfloat16();
/// Threads of torch's own pool.
void set_threads(int threads);
/// One line: LibTorch's version, CPU features, threads.
std::string torch_summary();

}  // namespace graft
