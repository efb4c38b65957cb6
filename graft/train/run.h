#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "graft/train/job.h"
#include "graft/train/observer.h"

namespace graft::train {

/// What a planner found out; goes into plan.json, the log and the summary.
struct PlanFacts {
  Json decisions = Json::array();   ///< [{what, choice, reason}]
  Json predicted = Json::object();  ///< {step_s, train_s, peak_tensor_bytes, rss_bytes}
  Json full = Json::object();       ///< {step_s, peak_tensor_bytes} of full fine-tuning
  Json candidates = Json::array();
};

/// Refuses (exit code 2) an `output` that a run may not write to: something is there, or what it
/// reads is.
void claim_output(const Config& config);

/// Executes a prepared job in its output folder: trains, restores the best weights, measures the
/// test split once, writes what was learned, the summary and the report. Returns the summary.
/// Throws Error(interrupted) after a stop request, Error(no_plan) when the memory budget was passed
/// and Error(internal) when the loss diverged; the checkpoint is written before.
Json execute(Job& job, const PlanFacts& facts, const std::vector<Observer*>& observers);

/// What is left of a run's time budget for the process that resumes it; nothing when it has none.
std::optional<double> time_left(const std::filesystem::path& folder);
/// Goes on with an interrupted run to the same result as if it had not been.
Json resume(const std::filesystem::path& folder, const std::vector<Observer*>& observers);
/// The same for a run on data of one's own: make them as they were made then.
Json resume(const std::filesystem::path& folder, data::Dataset own,
            const std::vector<Observer*>& observers);

}  // namespace graft::train
