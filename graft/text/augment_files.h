#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graft/base/options.h"

/// Files that augmentations of texts read.
namespace graft::texts {

/// The option `file`, which must be given (exit code 2).
std::string file_of(const Options& options, const std::string& where);
/// Lines that are not blank, with their numbers from 1; at most 256 MiB (errors: exit code 3).
std::vector<std::pair<int64_t, std::string>> numbered_lines(const std::string& file,
                                                            const std::string& where);
/// Without the blanks around it.
std::string trimmed(std::string_view text);
/// Parts between separators, blanks around them cut off.
std::vector<std::string> split_at(std::string_view line, char separator);

}  // namespace graft::texts
