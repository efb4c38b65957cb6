#pragma once

#include <string>

#include "graft/train/job.h"

namespace graft::plan {

struct RangeTest {
  double lr = 0;  ///< suggestion; 0 when the curve gave none
  int steps = 0;
  double seconds = 0;
};

/// Learning rate range test (Smith 2017, arXiv:1506.01186): updates with a rate that rises
/// exponentially from `low` to `high` until the smoothed loss exceeds four times its least;
/// suggests the rate of the steepest fall. Works on real training batches of the last stage and
/// puts back every weight, statistic and adapter bit for bit. Stops before the update that
/// `seconds` do not allow.
RangeTest lr_range_test(train::Job& job, double low, double high, int steps, double seconds);

}  // namespace graft::plan
