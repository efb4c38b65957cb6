#pragma once

#include <string>

#include "graft/data/dataset.h"
#include "graft/models/model.h"
#include "graft/train/config.h"

namespace graft::train {

models::Problem problem_of(const data::Dataset& data);
/// The task that data stand for, as `task` names it.
std::string task_of(const data::Dataset& data);
/// Decides train.loss where that is open. Settings that have no meaning for the labels, and a
/// metric that is not defined for them, are errors (exit code 2).
void settle_task(Config& config, const data::Dataset& data);

}  // namespace graft::train
