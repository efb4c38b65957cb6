#include "graft/base/clock.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <limits>
#include <mutex>
#include <sstream>
#include <string>

namespace graft {
namespace {

/// First number of a one-line file; -1 when absent or "max".
double number_in(const char* path) {
  std::ifstream in(path);
  double value = -1;
  return in >> value ? value : -1;
}

double process_start_monotonic() {
  // Field 22 of /proc/self/stat: start in clock ticks since boot; the name in field 2 may hold
  // blanks.
  std::ifstream in("/proc/self/stat");
  std::string line;
  std::getline(in, line);
  const size_t close = line.rfind(')');
  if (close == std::string::npos) return -1;
  std::istringstream fields(line.substr(close + 2));
  std::string skipped;
  for (int i = 3; i < 22; ++i) fields >> skipped;
  double ticks = 0;
  if (!(fields >> ticks)) return -1;
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double boot_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

double seconds_since_process_start() {
  static const double process_start = [] {
    const double start = process_start_monotonic();
    return start >= 0 ? start : boot_clock();
  }();
  return std::max(0.0, boot_clock() - process_start);
}

double process_cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

namespace {

/// Seconds that the main thread ran and that it waited for a core.
struct CoreTime {
  double ran = 0, waited = 0;
  double factor() const { return ran > 0 ? 1 + waited / ran : 1; }
};

CoreTime core_time() {
  std::ifstream in("/proc/self/schedstat");
  CoreTime t;
  if (!(in >> t.ran >> t.waited)) return {};
  return {1e-9 * t.ran, 1e-9 * t.waited};
}

}  // namespace

double core_contention() {
  static std::mutex mutex;
  static CoreTime mark;  // where the newest second began
  static double asked = -1;
  static double answer = 1;
  const std::lock_guard lock(mutex);
  const double time = seconds_since_process_start();
  if (asked >= 0 && time - asked < 0.1) return answer;
  asked = time;
  const CoreTime now = core_time();
  const CoreTime since{now.ran - mark.ran, now.waited - mark.waited};
  const bool second = since.ran + since.waited >= 1;
  // Bounded: a factor beyond that is a machine that stands still, not one that is shared.
  if (second || mark.ran == 0) answer = std::clamp(since.factor(), 1.0, 16.0);
  if (second) mark = now;
  return answer;
}

int64_t resident_bytes() {
  // Read at every step of training: opening it each time would take ten times as long.
  static const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  char text[128] = {};
  if (file < 0 || ::pread(file, text, sizeof text - 1, 0) <= 0) return 0;
  const char* second = std::strchr(text, ' ');
  return second ? std::strtoll(second, nullptr, 10) * ::sysconf(_SC_PAGESIZE) : 0;
}

int64_t peak_resident_bytes() {
  // getrusage counts what the process that launched this one held before it became this one.
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoll(line.c_str() + 6, nullptr, 10) * 1024;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

int64_t usable_memory_bytes() {
  const double machine =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  double limit = machine;
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    if (const double value = number_in(path); value > 0) limit = std::min(limit, value);
  }
  return static_cast<int64_t>(limit);
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = ::sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  double quota = -1;
  double period = -1;
  if (std::ifstream in("/sys/fs/cgroup/cpu.max"); in) {
    std::string first;
    in >> first >> period;
    if (first != "max" && !first.empty()) quota = std::stod(first);
  } else {
    quota = number_in("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    period = number_in("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  }
  if (quota > 0 && period > 0) cores = std::min(cores, static_cast<int>(std::ceil(quota / period)));
  return std::max(1, cores);
}

}  // namespace graft
