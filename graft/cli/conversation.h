#pragma once

#include <string>

#include "graft/train/language_model.h"

namespace graft::cli {

/// Talks on the terminal: a line of standard input is what the user says, the answer streams to
/// standard output. `system` is said first where it is not empty. "/quit" or the input's end ends
/// it, and so does a signal. Where the model's context is full, the oldest turns are left out, and
/// that is said. The exit code.
int converse(train::LanguageModel& model, const models::GenerateOptions& options,
             const std::string& system);

}  // namespace graft::cli
