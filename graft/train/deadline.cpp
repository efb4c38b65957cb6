#include "graft/train/deadline.h"

#include <algorithm>
#include <limits>

#include "graft/base/clock.h"

namespace graft::train {
namespace {

constexpr size_t kWindow = 64;
constexpr double kFirstStep = 2;
constexpr double kMargin = 1.5;  // neighbours on the machine can slow a step at any time

}  // namespace

double exit_seconds() {
  return 0.25 + 0.06 * core_contention();
}

void Deadline::begin() {
  begin_ = seconds_since_process_start();
}

Deadline Deadline::earlier(double seconds) const {
  Deadline other = *this;
  if (other.limit_) *other.limit_ -= seconds;
  return other;
}

void Deadline::expect_step(double seconds) {
  expected_s_ = seconds;
  first_s_ = -1;
  recent_.clear();
  next_ = 0;
}

void Deadline::record_step(double seconds) {
  if (first_s_ < 0) {
    first_s_ = seconds;
    return;
  }
  if (recent_.size() < kWindow) {
    recent_.push_back(seconds);
  } else {
    recent_[next_] = seconds;
    next_ = (next_ + 1) % kWindow;
  }
}

double Deadline::typical_step() const {
  if (recent_.empty()) return expected_s_;
  std::vector<double> sorted = recent_;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2),
                   sorted.end());
  return sorted[sorted.size() / 2];
}

double Deadline::slowest_step() const {
  return recent_.empty() ? typical_step() : *std::max_element(recent_.begin(), recent_.end());
}

bool Deadline::fits(double seconds) const {
  return seconds <= left();
}

bool Deadline::fits_step() const {
  // A stage's first step fetches memory and makes kernels; what it took bounds the second.
  if (recent_.empty()) return fits(first_s_ < 0 ? kFirstStep * expected_s_ : first_s_);
  return fits(kMargin * slowest_step());
}

double Deadline::left() const {
  return left_in_all() - (limit_ && reserve_ ? reserve_() : 0);
}

double Deadline::left_in_all() const {
  if (!limit_) return std::numeric_limits<double>::infinity();
  return *limit_ - seconds_since_process_start();
}

double Deadline::progress() const {
  if (!limit_) return 0;
  const double whole = *limit_ - (reserve_ ? reserve_() : 0) - begin_;
  if (whole <= 0) return 1;
  return std::clamp((seconds_since_process_start() - begin_) / whole, 0.0, 1.0);
}

}  // namespace graft::train
