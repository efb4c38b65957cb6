#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace graft::cli {

/// Ends the process (exit code 4) just before a time budget would be overrun, for the cases where
/// nothing else can: a machine that stops giving time, a disk that hangs. What was written before
/// stays valid.
class Watchdog {
 public:
  /// `limit_s` seconds from process start; none does nothing.
  explicit Watchdog(std::optional<double> limit_s);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace graft::cli
