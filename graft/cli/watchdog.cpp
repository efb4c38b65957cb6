#include "graft/cli/watchdog.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

#include "graft/base/clock.h"
#include "graft/base/error.h"

namespace graft::cli {
namespace {

constexpr double kLook = 1.5;  // before the end it looks how busy the machine is

/// To write the message and give the memory back.
double before_end() {
  return 0.08 + 0.04 * core_contention();
}

void say(std::string_view message) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message.data(), message.size());
}

}  // namespace

struct Watchdog::Shared {
  std::mutex mutex;
  std::condition_variable wake;
  bool stopped = false, result = false;

  /// Whether it was stopped before.
  bool stopped_until(double process_seconds) {
    std::unique_lock lock(mutex);
    const double wait = std::max(0.0, process_seconds - seconds_since_process_start());
    return wake.wait_for(lock, std::chrono::duration<double>(wait), [this] { return stopped; });
  }
};

void Watchdog::watch(std::optional<double> limit_s) {
  if (!limit_s || shared_) return;
  shared_ = std::make_shared<Shared>();
  std::thread([shared = shared_, limit = *limit_s] {
    if (shared->stopped_until(limit - kLook)) return;
    if (shared->stopped_until(limit - before_end())) return;
    const std::lock_guard lock(shared->mutex);
    if (shared->result) {
      say("graft: budget.time is over; the output folder holds the result, without what was not "
          "measured yet. `graft report` makes its page\n");
      std::_Exit(0);
    }
    say("graft: budget.time is over before there was a result; what is in the output folder is "
        "whole, but no model. The machine was much slower than when the run was planned: give more "
        "time\n");
    std::_Exit(static_cast<int>(ErrorCode::no_plan));
  }).detach();
}

Watchdog::~Watchdog() {
  if (!shared_) return;
  const std::lock_guard lock(shared_->mutex);
  if (shared_->result) return;  // the process has to be gone in time, too
  shared_->stopped = true;
  shared_->wake.notify_all();
}

void Watchdog::on_result() {
  if (!shared_) return;
  const std::lock_guard lock(shared_->mutex);
  shared_->result = true;
}

}  // namespace graft::cli
