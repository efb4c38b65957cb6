#include "graft/tensor/device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <cstdlib>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/tensor/memory.h"
#include "graft/tensor/waiting.h"

namespace graft {

c10::Device choose_device(const std::string& name) {
  const bool gpu = at::hasCUDA();
  if (name == "cpu" || (name == "auto" && !gpu)) return {c10::DeviceType::CPU};
  if (name == "auto" || name == "cuda") {
    if (!gpu) {
      fail_usage(
          "device=cuda was asked for, but LibTorch ({}) sees no CUDA device; use device=cpu, or "
          "build graft "
          "against a CUDA build of LibTorch",
          TORCH_VERSION);
    }
    return {c10::DeviceType::CUDA, 0};
  }
  fail_usage("device must be auto, cpu or cuda, got '{}'", name);
}

c10::Device begin_device(const std::string& name) {
  const c10::Device device = choose_device(name);
  count_memory_of(device);
  if (device.is_cpu()) return device;
  // cuBLAS needs room of its own for sums whose order is fixed, and asks for it once.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, false);
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicCuDNN(true);
  context.setAllowTF32CuDNN(false);
  return device;
}

void expect_changing_shapes() {
  // More than a step needs: its layers have a few sizes, forward and backward.
  constexpr const char* kProducts = "128";
  for (const char* name : {"ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"})
    ::setenv(name, kProducts, 0);
}

void allow_unordered_sums() {
  at::globalContext().setDeterministicAlgorithms(false, false);
}

void finish_work(c10::Device device) {
  if (!device.is_cpu()) at::accelerator::synchronizeDevice(device.index());
}

at::Generator new_generator(c10::Device device, uint64_t seed) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  at::Generator generator = at::globalContext().defaultGenerator(device);
  generator.set_current_seed(seed);
  return generator;
}

c10::ScalarType precision_type(const std::string& name, c10::Device device) {
  if (name == "float32") return c10::ScalarType::Float;
  if (name == "bfloat16") return c10::ScalarType::BFloat16;
  if (name == "float16") {
    if (device.is_cpu()) {
      fail_usage(
          "precision=float16 needs a GPU: its range is too small to train with on the CPU; use "
          "bfloat16");
    }
    return c10::ScalarType::Half;
  }
  fail_usage("precision must be auto, float32, bfloat16 or float16, got '{}'", name);
}

bool cpu_has_bfloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") > 0;
#else
  return false;
#endif
}

void set_threads(int threads) {
  at::set_num_threads(threads);
  watch_neighbours();
}

std::string torch_summary() {
  return fmt::format("LibTorch {}{}; CPU {}{}; {} threads of {} usable cores", TORCH_VERSION,
                     at::hasCUDA() ? " with CUDA" : " (CPU)", at::get_cpu_capability(),
                     cpu_has_bfloat16() ? " with bfloat16" : "", at::get_num_threads(),
                     usable_cores());
}

}  // namespace graft
