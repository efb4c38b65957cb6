#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/train/batches.h"
#include "graft/train/checkpoint.h"
#include "graft/train/deadline.h"
#include "graft/train/job.h"
#include "graft/train/loss.h"
#include "graft/train/measurement.h"
#include "graft/train/moving_average.h"
#include "graft/train/observer.h"
#include "graft/train/optimizer.h"
#include "graft/train/replay.h"
#include "graft/train/trained_set.h"

namespace graft::train {

/// How a run ended: completed, early-stopped, deadline, interrupted, diverged, memory.
struct LoopResult {
  std::string status;
  std::string detail;  ///< of diverged: step and sample
};

/// The training loop: one state, executed stage by stage; observers are told what happens.
class Loop {
 public:
  /// `folder` receives checkpoints; empty keeps them nowhere (then there is no way back to the
  /// best).
  Loop(Job& job, Deadline& deadline, std::filesystem::path folder,
       std::vector<Observer*> observers);
  ~Loop();

  /// Goes back to a checkpoint's state; call before run().
  void restore(const Checkpoint& checkpoint);
  LoopResult run();

  const State& state() const { return state_; }
  const Work& work() const { return work_; }
  Work& work() { return work_; }
  Reader& reader() { return *reader_; }
  const Reader& reader() const { return *reader_; }
  /// Everything that any stage trains, and the statistics that move with it.
  const std::vector<TrainedTensor>& ever_trained() const { return ever_trained_; }
  const std::vector<nn::Parameter>& moving_buffers() const { return buffers_; }
  /// The newest evaluation on the validation split; empty before the first.
  const std::optional<Measurement>& validation() const { return validation_; }
  /// Seconds that metrics with their intervals should take, once a view's samples went through.
  double scoring_seconds(const data::View& view) const {
    return scoring_s_ * static_cast<double>(view.size());
  }
  /// Brings back the weights that were best on validation, whatever train.keep says when `always`;
  /// false when none were kept.
  bool restore_best(bool always = false);
  /// Recomputes batch norm statistics over the training samples (train.batch_norm: re-estimate).
  void reestimate_statistics();
  int64_t total_steps() const { return total_steps_; }
  /// Elements that train in the stage that trains most.
  int64_t most_trainable() const { return most_trainable_; }

 private:
  void begin_stage(bool resumed);
  bool train_window(std::string& failure);
  /// Fails where nothing that was read weighed anything.
  void check_learned() const;
  void step_optimizer(double weight, double loss_sum, double seconds, int64_t samples);
  /// The `last` one may use the time that was kept free for it.
  void evaluate_validation(bool last);
  bool evaluation_due() const;
  double current_progress() const;
  int stage_at(double progress) const;
  int lowest_due() const;
  void keep_settings(Json settings);
  void save(const std::string& kind);
  Checkpoint make_checkpoint() const;
  void warn(const std::string& message);
  double epochs_done() const;
  bool fill_caches(int border, double passes, int64_t& through_prefix);
  void expect_steps(int border);
  void begin_measuring(double share);
  bool fits_evaluation() const;
  bool fits_last_evaluation();
  /// Through the network, at no less than `sample_s` a sample, and scored.
  double measuring_seconds(const data::View& view, double sample_s) const;
  double seconds_to_end() const;

  Job& job_;
  Deadline& deadline_;
  std::filesystem::path folder_;
  std::vector<Observer*> observers_;
  State state_;
  Work work_;
  LossOptions loss_;
  Optimizer optimizer_;
  MovingAverage average_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<BatchStream> stream_;
  std::optional<Replay> replay_;
  std::vector<TrainedTensor> trained_;       // of the running stage
  std::vector<TrainedTensor> ever_trained_;  // of any stage
  std::vector<nn::Parameter> buffers_;       // statistics of blocks that ever train
  std::vector<double> stage_ends_;           // in progress
  std::vector<bool> base_trained_;           // by block, for counting FLOPs
  nn::Context context_;
  EpochShape shape_{};
  int64_t total_steps_ = -1;
  int64_t planned_steps_ = -1;  // without what a replay says
  int64_t most_trainable_ = 0;
  bool restored_ = false;
  double eval_every_ = 1;  // epochs
  double last_save_s_ = 0;
  bool saved_ = false;                       // checkpoints/last is of this process
  static constexpr double kTestShare = 0.6;  // of the time left is the test split's, at most
  double save_s_ = 0.05;
  // What the end of the run needs, see loop_time.cpp.
  bool validation_ahead_ = true;   // an evaluation is still to come
  double measuring_most_s_ = 1e9;  // that evaluations may take of what is left
  double solve_ahead_s_ = 0;       // for solving a head
  int64_t seen_samples_ = 0;       // in updates of this session, and what they weighed
  double seen_weight_ = 0;
  double forwards_per_step_ = 0;  // an update in forward passes of one sample
  double scoring_s_ = 0;          // metrics and intervals of a sample, at most so far
  int64_t validated_ = 0;         // most samples that an evaluation measured
  std::optional<Measurement> validation_;
};

}  // namespace graft::train
