#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace graft::cli {

/// Picture files that files, folders (recursively) and patterns name, in order, without repeats. A
/// word that names nothing is an error (exit code 3).
std::vector<std::filesystem::path> picture_files(const std::vector<std::string>& words);

}  // namespace graft::cli
