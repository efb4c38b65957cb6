#pragma once

#include <filesystem>

#include "graft/base/files.h"
#include "graft/report/event_file.h"
#include "graft/train/observer.h"

namespace graft::train {

/// Writes what happens to log.jsonl, one event a line, and to a TensorBoard event file. The format
/// is docs/run_folder.md.
class EventLog final : public Observer {
 public:
  /// `keep_bytes` >= 0 cuts an existing log to that length first (resume); see missing_bytes().
  EventLog(const std::filesystem::path& folder, int64_t keep_bytes);

  void on_start(const Json& facts) override;
  void on_stage(const StageEvent& event) override;
  void on_step(const StepEvent& event) override;
  void on_evaluation(const EvaluationEvent& event) override;
  void on_checkpoint(int64_t step, const std::string& kind) override;
  void on_warning(const std::string& message) override;
  void on_end(const std::string& status, int64_t step) override;
  /// The length of the log goes into the checkpoint, so that a resumed run continues it exactly.
  /// The lines are on the disk before the checkpoint that counts them.
  std::string name() const override { return "log"; }
  Json save() const override;
  /// Bytes that the checkpoint counted and the log has lost.
  int64_t missing_bytes() const { return log_.missing(); }

  void write(const std::string& event, const Json& fields);

 private:
  mutable LineWriter log_;  // save() writes the lines that wait
  report::EventFile board_;
};

Json to_json(const eval::Measures& metrics);

}  // namespace graft::train
