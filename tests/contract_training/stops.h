#pragma once

#include "tests/contract_training/fixture.h"

/// Runs that are stopped and resumed, and what must then be equal.
namespace graft::contract {

/// Asks the loop to stop after an update.
Watcher stopper(int64_t at);
void execute_until_stop(const Json& config, int64_t stop);
void resume_until_stop(const std::filesystem::path& folder, int64_t stop);
/// Weights, log, metrics and predictions, bit for bit.
void expect_same_outcome(const std::filesystem::path& whole, const std::filesystem::path& pieces);

}  // namespace graft::contract
