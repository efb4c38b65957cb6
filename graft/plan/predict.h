#pragma once

#include "graft/train/job.h"
#include "graft/train/run.h"

namespace graft::plan {

/// Lowers train.batch until the run fits budget.memory; an error (exit code 4) where it cannot, or
/// where the batch was `given`.
void fit_memory(train::Job& job, train::PlanFacts& facts, bool given);

/// Times a few updates of every stage and fills facts.predicted, facts.full and, with `compare`,
/// facts.candidates (full, head, lora, layer-wise, with this data and budget).
void predict(train::Job& job, train::PlanFacts& facts, bool compare);

}  // namespace graft::plan
