#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace graft::train {

/// Keeps a run within its time budget, which counts from process start to exit. What the end of the
/// run needs (test split, files) is reserved and re-estimated while it runs.
class Deadline {
 public:
  /// `limit_s` seconds of this process; none means no limit.
  explicit Deadline(std::optional<double> limit_s) : limit_(limit_s) {}

  bool limited() const { return limit_.has_value(); }
  /// Training begins now: progress runs from here.
  void begin();
  /// Seconds to keep free for what comes after training.
  void reserve(double seconds) { reserve_ = seconds; }
  double reserved() const { return reserve_; }
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
  /// Typical and slowest of the recent steps.
  double typical_step() const;
  double slowest_step() const;

 private:
  std::optional<double> limit_;
  double begin_ = 0;
  double reserve_ = 0;
  std::vector<double> recent_;  // of the last steps, a ring
  size_t next_ = 0;
};

}  // namespace graft::train
