#include "graft/train/pace.h"

#include <algorithm>

namespace graft::train {
namespace {

constexpr size_t kNewest = 8;
constexpr double kMargin = 1.5;
constexpr double kLeastShare = 0.02;  // reading is not in the FLOPs, and not free

}  // namespace

void Pace::record(int64_t samples, double seconds, double share) {
  const Batch batch{samples, seconds / std::max(kLeastShare, share)};
  if (first_.samples == 0) {
    first_ = batch;
    return;
  }
  // Fades, so that one hiccup does not end a run minutes later.
  slowest_s_ = std::max(0.9 * slowest_s_, batch.seconds);
  if (newest_.size() < kNewest) {
    newest_.push_back(batch);
  } else {
    newest_[next_] = batch;
    next_ = (next_ + 1) % kNewest;
  }
}

double Pace::sample_s() const {
  double seconds = 0;
  int64_t samples = 0;
  for (const Batch& batch : newest_) {
    seconds += batch.seconds;
    samples += batch.samples;
  }
  if (samples > 0) return seconds / static_cast<double>(samples);
  if (first_.samples == 0) return tried_s_;
  const double first = first_.seconds / static_cast<double>(first_.samples);
  return tried_s_ > 0 ? std::min(tried_s_, first) : first;
}

double Pace::next_batch_s(double share) const {
  const double ask = newest_.empty() ? first_.seconds : kMargin * slowest_s_;
  return ask * std::max(kLeastShare, share);
}

}  // namespace graft::train
