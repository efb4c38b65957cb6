#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "graft/data/object_reader.h"

namespace graft::data {

/// Whether the name of a file says that it is a table: .csv, .tsv, .tab, .txt.
bool is_table_file(const std::filesystem::path& path);

/// The rows of a table whose first line names its columns, as objects of texts. A row with more or
/// fewer cells is none.
std::unique_ptr<ObjectReader> open_table_objects(const std::filesystem::path& path,
                                                 std::vector<std::string>& notes);

/// The names in the first line of a table, to tell formats apart; empty where nothing is in sight.
std::vector<std::string> table_names(const std::filesystem::path& path);

}  // namespace graft::data
