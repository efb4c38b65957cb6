#pragma once

#include <filesystem>
#include <string>

#include "graft/models/model.h"

/// What the tests share that hold detectors to reference programs.
namespace graft::models::test {

/// tests/golden/detection_models.
std::filesystem::path detection_golden();

/// Gradients, as far as there are any, are finite and float32; with `everywhere` all that can learn
/// has one.
void expect_finite_gradients(const Model& model, bool everywhere = false);

/// Saved, a model that was read from `folder` gives the same tensors, and a config of the same
/// kind.
void expect_written_back(const Model& model, const std::filesystem::path& folder);

/// A detector of this config cannot be made, and the error `says` why (exit code 3).
void expect_config_refused(const Json& config, const std::string& says);

}  // namespace graft::models::test
