#pragma once

#include <ctime>
#include <string>

#include "graft/data/dataset.h"
#include "graft/train/config.h"

namespace graft::train {

/// Decides data.format where that is open and the task that is named reads data in a way of its
/// own.
void settle_data(Config& config);
/// Gives data to the objective that the configuration asks for (train/objective.h), where that is
/// not the one that they name themselves.
void settle_target(const Config& config, data::Dataset& data);
/// The task that data stand for, as `task` names it.
std::string task_of(const data::Dataset& data);
/// Decides train.loss where that is open, and what the objective knows better. Settings that have
/// no meaning for what is learned, and a metric that is not defined for it, are errors (exit code
/// 2).
void settle_task(Config& config, const data::Dataset& data);

// For objectives.

/// Refuses what speaks of classes; `why` ends the sentence: "the labels of the data are numbers".
void check_no_classes(const Config& config, const std::string& why);
/// Refuses settings of texts that are continued.
void check_no_chat(const Config& config);
/// Midnight (UTC) of chat.date, in seconds since 1970; anything else is an error (exit code 2).
std::time_t date_seconds(const std::string& date);
/// Decides train.max_length and chat.date where they are open: the date of a run stands in its
/// configuration, so that it is the same when the run is resumed.
void settle_chat(Config& config);

}  // namespace graft::train
