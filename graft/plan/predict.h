#pragma once

#include "graft/plan/probe.h"
#include "graft/train/job.h"
#include "graft/train/run.h"

namespace graft::plan {

/// What was found out before, and how long may be tried on; a forward pass of 0 s was not timed.
struct Tried {
  Allowance allowance;
  ForwardProbe forward;
  data::ReadCost data;
};

/// Lowers train.batch until the run fits budget.memory; an error (exit code 4) where it cannot, or
/// where the batch was `given`.
void fit_memory(train::Job& job, train::PlanFacts& facts, bool given, const Tried& tried);

/// Times a few updates of every stage and fills facts.predicted, facts.full and, with `compare`,
/// facts.candidates (full, head, lora, layer-wise, with this data and budget). Where the allowance
/// is spent, times are estimated by FLOPs and memory is left open (null).
void predict(train::Job& job, train::PlanFacts& facts, bool compare, const Tried& tried);

}  // namespace graft::plan
