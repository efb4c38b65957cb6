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
  return samples > 0 ? seconds / static_cast<double>(samples) : tried_s_;
}

double Pace::next_batch_s(double share) const {
  return kMargin * slowest_s_ * std::max(kLeastShare, share);
}

}  // namespace graft::train
