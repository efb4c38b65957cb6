#include "graft/train/measurement.h"

#include "graft/base/clock.h"
#include "graft/train/objective.h"

namespace graft::train {

Measurement::Measurement(eval::Predictions predictions) : predictions_(std::move(predictions)) {
  const Stopwatch watch;
  metrics_ = eval::measure_all(predictions_);
  seconds_ = watch.seconds();
}

void Measurement::describe(const Job& job) {
  const Stopwatch watch;
  job.objective().describe(job, predictions_, facts_);
  seconds_ += watch.seconds();
}

}  // namespace graft::train
