#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graft/plan/allowance.h"
#include "graft/train/job.h"

namespace graft::plan {

/// What a few updates on made-up pictures told: nothing of the model is changed by them.
struct Probe {
  double step_s = 0;           ///< one update at the batch, median of the timed ones
  int64_t peak_bytes = 0;      ///< most bytes of tensors alive during it, weights included
  int64_t live_bytes = 0;      ///< before it
  int64_t resident_bytes = 0;  ///< afterwards
  int64_t trainable = 0;
  bool timed = false;  ///< false where the memory budget forbade to run it at this batch
  bool tried = true;   ///< false where the allowance was spent: nothing but `trainable` is known
};

/// A way to train that is compared: which blocks, with which method.
struct Candidate {
  std::string name;
  std::vector<peft::Choice> methods;
  std::vector<int> blocks;
  int from = 0;  ///< blocks below run from a cache
};

/// Times `updates` updates of `batch` samples after one that warms up, fewer where `allowance` ends
/// before. With `memory_limit` > 0 the batch is first tried at 1 and 2 and its need extrapolated,
/// so that the probe itself stays below.
Probe probe(train::Job& job, const Candidate& candidate, int64_t batch, int updates,
            const Allowance& allowance, int64_t memory_limit = 0);
/// Numbers of parameters that a candidate trains, without running it.
int64_t count_trainable(train::Job& job, const Candidate& candidate);
/// Bytes that its updates hold whatever the batch: gradients, and what the optimizer keeps of them.
int64_t update_bytes(train::Job& job, const Candidate& candidate);

/// FLOPs of one sample's update; `computed` as train::Job::update_flops has it.
double update_flops(const train::Job& job, const Candidate& candidate, double computed = 1);

/// An update's time by its FLOPs, where a sample's forward pass takes `forward_s`.
double estimated_step(const train::Job& job, const Candidate& candidate, double forward_s,
                      double batch);

/// Seconds a sample's forward pass without gradients takes in batches of `batch`, and its peak: one
/// pass that warms up and the median of up to three more that `allowance` has time for.
struct ForwardProbe {
  double sample_s = 0;
  int64_t peak_bytes = 0;
};
ForwardProbe probe_forward(train::Job& job, int64_t batch, const Allowance& allowance);

/// Reads some training samples, as far as `allowance` goes.
data::ReadCost probe_data(train::Job& job, int samples, const Allowance& allowance);

}  // namespace graft::plan
