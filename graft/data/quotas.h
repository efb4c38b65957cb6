#pragma once

#include <cstdint>
#include <vector>

namespace graft::data {

/// How many samples of each class an epoch has, epoch after epoch, when each has `size` of them and
/// class c a share of weights[c] / sum(weights): the exact quota, rounded down or up, such that the
/// sum is `size` and the running total of every class is always less than one away from its exact
/// value.
///
/// Rounding like this is the scheduling of periodic tasks by proportionate fairness, with classes
/// as tasks and the units that rounding down leaves over as processors. Algorithm PD2, Anderson and
/// Srinivasan, "Mixed Pfair/ERfair scheduling of asynchronous periodic tasks", 2004 (ECRTS 2000).
class Quotas {
 public:
  Quotas(const std::vector<int64_t>& weights, int64_t size);
  /// The counts of the next epoch, the first being epoch 0.
  std::vector<int64_t> next();

 private:
  struct Class {
    int64_t whole = 0;      ///< the quota, rounded down
    int64_t part = 0;       ///< the rest of the quota, in units of 1 / sum
    int64_t given = 0;      ///< extra samples so far
    bool heavy = false;     ///< part / sum is at least a half
    int64_t release = 0;    ///< first epoch that may have the next extra sample
    int64_t deadline = 0;   ///< epoch by whose end it is due, plus one
    bool pressing = false;  ///< the following one may come before this deadline
    int64_t group = 0;      ///< deadline of a chain of extra samples that force each other
  };
  void prepare(Class& item) const;

  int64_t sum_ = 0;
  int64_t extras_ = 0;  // an epoch
  int64_t epoch_ = 0;
  std::vector<Class> classes_;
};

}  // namespace graft::data
