#pragma once

#include <ctime>
#include <string>

#include "graft/data/dataset.h"
#include "graft/models/model.h"
#include "graft/train/config.h"

namespace graft::train {

/// Makes data of preferences out of records where train.loss=dpo asks for that
/// (data/preferences.h).
void settle_target(const Config& config, data::Dataset& data);
/// The task that data stand for, as `task` names it.
std::string task_of(const data::Dataset& data);
/// Midnight (UTC) of chat.date, in seconds since 1970; anything else is an error (exit code 2).
std::time_t date_seconds(const std::string& date);
/// Decides train.max_length and chat.date where they are open: the date of a run stands in its
/// configuration, so that it is the same when the run is resumed.
void settle_chat(Config& config);
/// Decides train.loss where that is open, and of texts to continue what settle_chat does. Settings
/// that have no meaning for the labels, and a metric that is not defined for them, are errors (exit
/// code 2).
void settle_task(Config& config, const data::Dataset& data);

}  // namespace graft::train
