#pragma once

#include <chrono>
#include <cstdint>

namespace graft {

/// Seconds since this process was started by the system (not since main): budgets count from there.
double seconds_since_process_start();
/// User and system time of all threads of this process, seconds.
double process_cpu_seconds();
/// How many times longer than its own computing the main thread took, because others had its core:
/// 1 on an idle machine, about n beside n - 1 busy threads a core. Over the newest second in which
/// it wanted a core; over its whole life before there was one.
double core_contention();
/// Resident size of this process in bytes, now and at its highest.
int64_t resident_bytes();
int64_t peak_resident_bytes();
/// Physical memory this process may use: the machine's, or the control group's limit when lower.
int64_t usable_memory_bytes();
/// Cores this process may keep busy: affinity and control group quota, at least 1.
int usable_cores();

/// Wall-clock seconds since construction or the last restart.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  void restart() { start_ = std::chrono::steady_clock::now(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace graft
