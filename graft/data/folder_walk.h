#pragma once

#include <filesystem>

#include "graft/data/layout.h"

namespace graft::data {

/// All files below a folder, sorted; those of `content` are `FileTree::files`. Links are followed,
/// but not in circles. A folder that cannot be read is an error (exit code 3).
FileTree walk_folder(const std::filesystem::path& root, Content content);

}  // namespace graft::data
