#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace graft::train {

/// How fast samples go through the network without gradients, reading included: measured at every
/// batch that does, and asked before the next one.
class Pace {
 public:
  /// What a sample took when it was tried, until something is measured; 0 when nothing is known.
  explicit Pace(double sample_s = 0) : tried_s_(sample_s) {}

  /// A batch went through `share` of the network (by FLOPs).
  void record(int64_t samples, double seconds, double share);
  /// Seconds a sample takes through all of the network: the mean of the newest batches.
  double sample_s() const;
  /// What to ask for before beginning another batch of that share: 1.5 x the slowest so far,
  /// because a neighbour on the machine can slow it at any time. The very first, which makes
  /// kernels and fetches memory, stands for itself only until there is a second.
  double next_batch_s(double share) const;

 private:
  struct Batch {
    int64_t samples;
    double seconds;  ///< as if it had gone through all of the network
  };
  double tried_s_;
  Batch first_{0, 0};
  double slowest_s_ = 0;
  std::vector<Batch> newest_;  // a ring
  size_t next_ = 0;
};

}  // namespace graft::train
