#pragma once

#include <string>

namespace graft::cli {

/// Refuses (exit code 2) a folder that holds something already: a base model must not be lost to a
/// mistyped --output.
void claim_new_folder(const std::string& command, const std::string& folder);

}  // namespace graft::cli
