#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace graft::train {

/// Seconds that the end of a run needs once all is measured: predictions, summary, report, giving
/// the memory back. More on a machine that is busy with other things.
double exit_seconds();

/// Keeps a run within its time budget, which counts from process start to exit. What the end of the
/// run needs (test split, files) is reserved and re-estimated while it runs.
class Deadline {
 public:
  /// `limit_s` seconds of this process; none means no limit.
  explicit Deadline(std::optional<double> limit_s) : limit_(limit_s) {}

  bool limited() const { return limit_.has_value(); }
  /// Training begins now: progress runs from here.
  void begin();
  /// Seconds to keep free for what comes afterwards; a function is asked anew each time.
  void reserve(double seconds) {
    reserve_ = [seconds] { return seconds; };
  }
  void reserve(std::function<double()> seconds) { reserve_ = std::move(seconds); }
  /// The same, ending `seconds` earlier.
  Deadline earlier(double seconds) const;
  /// A stage begins whose first step should take about this long; the steps so far say nothing
  /// about it.
  void expect_step(double seconds);
  /// A step took this long.
  void record_step(double seconds);
  /// Whether one more step (or `seconds`, when longer) still fits before the reserve.
  bool fits_step() const;
  bool fits(double seconds) const;
  /// Elapsed share of the time for training, 0 … 1; 0 without a limit.
  double progress() const;
  /// Seconds until training must end; negative when over. Infinite without a limit.
  double left() const;
  /// Seconds until the process must be gone. Infinite without a limit.
  double left_in_all() const;
  /// Typical and slowest of the recent steps but the stage's first; what is expected before those.
  double typical_step() const;
  double slowest_step() const;

 private:
  std::optional<double> limit_;
  double begin_ = 0;
  double expected_s_ = 0;
  double first_s_ = -1;  // the stage's first step, which is slow
  std::function<double()> reserve_;
  std::vector<double> recent_;  // the last steps after it, a ring
  size_t next_ = 0;
};

}  // namespace graft::train
