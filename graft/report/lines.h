#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace graft::report {

struct LineCounts {
  int64_t lines = 0;     ///< complete lines handed on
  int64_t too_long = 0;  ///< lines over the limit, skipped
};

/// Hands every line of a file to `use` (line, whether a newline ended it). Memory stays bounded
/// whatever the file holds: a line over `max_line` bytes is skipped and counted. A missing file has
/// no lines. `use` returns false to stop.
LineCounts for_each_line(const std::filesystem::path& path, size_t max_line,
                         const std::function<bool(const std::string& line, bool ended)>& use);

}  // namespace graft::report
