#pragma once

#include <memory>
#include <optional>

#include "graft/train/observer.h"

namespace graft::cli {

/// Ends the process just before a time budget would be overrun, for the cases where nothing else
/// can: a machine that stops giving time, a disk that hangs. With exit code 0 when the run folder
/// holds a result by then, else with 4; what was written before is whole. It watches until the
/// process is gone.
class Watchdog final : public train::Observer {
 public:
  Watchdog() = default;
  ~Watchdog() override;
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// `limit_s` seconds from process start; none, or a second call, does nothing.
  void watch(std::optional<double> limit_s);
  void on_result() override;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // with a thread that may outlive this
};

}  // namespace graft::cli
