#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graft/base/json.h"

namespace graft::report {

/// A number with its 95 % interval, where one was computed. NaN: not known.
struct Measure {
  double value;
  std::optional<double> low;
  std::optional<double> high;
};
using Measures = std::vector<std::pair<std::string, Measure>>;

/// Reads {value, low, high} or a plain number.
Measure read_measure(const Json& value);
/// Reads an object of measures; entries that hold no number are left out.
Measures read_measures(const Json& object);

/// The events of log.jsonl (docs/run_folder.md). `time` is wall seconds since the run began, summed
/// over the processes that worked on it. Numbers that are missing or null are NaN.
struct StepEvent {
  int64_t step;  ///< steps done, this one included
  double epoch;
  int64_t stage;
  double loss;
  double lr;
  double samples;
  double step_s;
  double grad_norm;
  double rss_bytes;
  double tensor_peak_bytes;
  double time;
};

struct EvalEvent {
  int64_t step;
  double epoch;
  std::string split;
  double loss;
  Measures metrics;
  double seconds;
  double time;
};

struct StageEvent {
  int64_t step;  ///< steps done when the stage begins
  int64_t stage;
  std::string name;
  std::vector<std::string> blocks;
  double trainable;
  double lr;  ///< peak
};

struct Decision {
  std::string what;
  std::string choice;
  std::string reason;
};

/// What the planner weighed; NaN where it did not say.
struct Candidate {
  std::string name;
  double trainable;
  double flops_per_sample;
  double step_s;
  double peak_bytes;
  double train_s;
};

struct Checkpoint {
  int64_t step;
  std::string kind;
};

/// All of log.jsonl. After a resume the events of the lost part are gone, as if it had not
/// happened.
struct RunLog {
  Json start;         ///< the first start event, null when the log has none
  int processes = 0;  ///< start events
  std::vector<Decision> decisions;
  std::vector<Candidate> candidates;
  Json predicted;  ///< of the last plan event
  std::vector<StageEvent> stages;
  std::vector<StepEvent> steps;
  std::vector<EvalEvent> evals;
  std::vector<Checkpoint> checkpoints;
  std::vector<std::string> warnings;
  std::string end_status;    ///< empty while it runs, or when it was killed
  double wall_s = 0;         ///< time of the last event
  int64_t broken_lines = 0;  ///< lines that are no JSON object; a torn last line is not counted
};

/// Reads as much of the log as is there. Never throws for what the file holds.
RunLog read_run_log(const std::filesystem::path& path);

Decision read_decision(const Json& value);
std::vector<Candidate> read_candidates(const Json& list);

}  // namespace graft::report
