#pragma once

#include "graft/base/clock.h"
#include "graft/train/observer.h"

namespace graft::cli {

/// Shows a run: a bar with loss, rate, time left and memory on a terminal, plain lines elsewhere.
class Progress final : public train::Observer {
 public:
  Progress();
  void on_start(const Json& facts) override;
  void on_stage(const train::StageEvent& event) override;
  void on_step(const train::StepEvent& event) override;
  void on_evaluation(const train::EvaluationEvent& event) override;
  void on_warning(const std::string& message) override;
  void on_end(const std::string& status, int64_t step) override;

 private:
  void line(const std::string& text);

  bool terminal_;
  Stopwatch since_shown_;
  double smooth_loss_ = -1;
  bool bar_shown_ = false;
};

}  // namespace graft::cli
