#include "graft/cli/watchdog.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "graft/base/clock.h"
#include "graft/base/error.h"

namespace graft::cli {
namespace {

constexpr double kBeforeEnd = 0.12;  // to write the message and give the memory back

}  // namespace

Watchdog::Watchdog(std::optional<double> limit_s) {
  if (!limit_s) return;
  const double wait = *limit_s - kBeforeEnd - seconds_since_process_start();
  thread_ = std::thread([this, wait] {
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, std::chrono::duration<double>(std::max(0.0, wait)),
                       [this] { return done_; }))
      return;
    static const char kMessage[] =
        "graft: budget.time is over before the run could end in order; its last checkpoint and "
        "summary are in the output "
        "folder. The machine was much slower than when the run was planned: give more time, or "
        "strategy=head\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage, std::strlen(kMessage));
    std::_Exit(static_cast<int>(ErrorCode::no_plan));
  });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace graft::cli
