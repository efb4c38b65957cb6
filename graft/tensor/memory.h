#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace graft {

/// Replaces torch's CPU allocator by one that counts every tensor's bytes and aligns them to 64.
/// Call it before the first tensor; calling it again does nothing.
void install_counting_allocator();

/// From now on the memory of tensors is a GPU's, where the model is; else, the process's.
void count_memory_of(c10::Device device);

/// Bytes of tensors alive now, and the highest since the last reset (all threads).
int64_t live_tensor_bytes();
int64_t peak_tensor_bytes();
void reset_peak_tensor_bytes();
/// What is taken from the system: the resident size of the process, or what is held of the GPU.
int64_t held_bytes();
int64_t peak_held_bytes();

/// Freed memory is kept for the next step, but together with what is alive never more than this
/// times the most that was ever alive.
inline constexpr double kArenaSlack = 1.1;

/// Gives memory that is held but that nobody uses back to the system.
void release_free_memory();

}  // namespace graft
