#include "graft/plan/allowance.h"

#include <algorithm>

#include "graft/base/clock.h"

namespace graft::plan {

void Allowance::extend_to(double process_seconds) {
  end_ = std::max(end_, process_seconds);
}

double Allowance::left() const {
  return end_ - seconds_since_process_start();
}

Allowance Allowance::part(double share) const {
  return Allowance(end_ - (1 - share) * std::max(0.0, left()));
}

}  // namespace graft::plan
