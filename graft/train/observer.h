#pragma once

#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/eval/metric.h"

namespace graft::train {

/// Where a run stands. The whole of it goes into a checkpoint.
struct State {
  int64_t step = 0;   ///< updates of the parameters
  int64_t epoch = 0;  ///< passes begun, from 0
  int64_t batch = 0;  ///< micro-batches consumed in this epoch
  int64_t stage = 0;
  int64_t samples = 0;  ///< training samples seen, repeats counted
  double progress = 0;  ///< share of the budget, 0 … 1
  double best = 0;      ///< best validation value; meaningful when best_step >= 0
  int64_t best_step = -1;
  int64_t bad_evaluations = 0;   ///< since the best one
  int64_t last_evaluation = -1;  ///< step of the newest evaluation
  double evaluated_progress = 0;
  Json settings;  ///< of the best evaluation (Objective::settings)
};

struct StageEvent {
  int64_t step;
  int64_t stage;
  std::string name;
  std::vector<std::string> blocks;
  int64_t trainable;
  double rate;  ///< factor on the learning rates
  double lr;    ///< peak, of the backbone; of the head where it is alone
  bool cached;  ///< outputs of the frozen prefix are kept in memory
  Json kept;    ///< where the clock cut that: {samples, views, batch}, see train::Kept
};

struct StepEvent {
  int64_t step;  ///< 1 after the first update
  double epoch;  ///< passes done, with fraction
  int64_t stage;
  double progress;   ///< that the learning rate was computed from
  double loss;       ///< mean over the samples of the update
  double lr;         ///< of the backbone; of the head where it is alone
  int64_t samples;   ///< of this update
  int64_t seen;      ///< samples so far
  double seconds;    ///< of this update, data included
  double grad_norm;  ///< before clipping
  double left_s;     ///< estimate of what is left; negative when unknown
};

struct EvaluationEvent {
  int64_t step;
  double epoch;
  std::string split;
  double loss;
  eval::Measures metrics;
  double seconds;
  bool best;
};

/// What a training run tells while it runs. Derive from it to follow a run, stop it, or keep state
/// of your own in its checkpoints.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_start(const Json& /*facts*/) {}
  virtual void on_stage(const StageEvent&) {}
  virtual void on_step(const StepEvent&) {}
  virtual void on_evaluation(const EvaluationEvent&) {}
  virtual void on_checkpoint(int64_t /*step*/, const std::string& /*kind*/) {}
  virtual void on_warning(const std::string& /*message*/) {}
  /// The run folder holds a result from here on: what was learned, and a summary that says how the
  /// run ended. What may still come is the test split and the report.
  virtual void on_result() {}
  virtual void on_end(const std::string& /*status*/, int64_t /*step*/) {}
  /// Asked after every update; true ends the run with status "early-stopped".
  virtual bool wants_stop() { return false; }
  /// State that a resumed run needs back, and its name in the checkpoint; null means none. Files
  /// that it speaks of must be synced when it returns.
  virtual std::string name() const { return ""; }
  virtual Json save() const { return nullptr; }
  virtual void load(const Json&) {}
};

}  // namespace graft::train
