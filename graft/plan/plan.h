#pragma once

#include <string>

#include "graft/train/run.h"

namespace graft::plan {

/// A job in which nothing is "auto" any more, ready for train::execute, and how it was decided.
struct Planned {
  train::Job job;
  train::PlanFacts facts;
};

struct PlanOptions {
  bool compare = false;  ///< also probe full, head, lora and layer-wise, side by side
};

/// Opens what the configuration names, decides every "auto" by the rules of docs/planning.md,
/// probes a few updates, predicts memory and time, and refuses (exit code 4) what cannot fit
/// budget.memory.
Planned make_plan(const train::Config& config, const PlanOptions& options = {});
/// The same for data of one's own, made by data::make_dataset.
Planned make_plan(const train::Config& config, data::Dataset own, const PlanOptions& options = {});

/// The decisions with their reasons, a line each.
std::string decisions_text(const train::PlanFacts& facts);
/// The comparison as a table.
std::string candidates_text(const train::PlanFacts& facts);

}  // namespace graft::plan
