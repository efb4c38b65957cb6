#pragma once

#include "graft/data/batch_order.h"
#include "graft/train/job.h"

namespace graft::train {

/// The order in which an epoch (from 0) visits positions of the training view.
std::vector<int64_t> epoch_order(const Job& job, int64_t epoch);
/// The same in micro-batches, of train.batch samples or train.batch_tokens tokens. Like the order a
/// pure function of configuration, data and epoch, so that a run can go on in the middle of one.
data::BatchOrder epoch_batches(const Job& job, int64_t epoch);

/// What an epoch has; by tokens epochs differ a little, and it is the first.
EpochShape epoch_shape(const Job& job);

/// Updates that `samples` allow, from the first epoch on: of the last epoch those whose samples are
/// all among them.
int64_t updates_for(const Job& job, int64_t samples);

}  // namespace graft::train
