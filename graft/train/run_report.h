#pragma once

#include <filesystem>
#include <vector>

#include "graft/data/dataset.h"

namespace graft::train {

/// Writes report.html into a run folder. Thumbnails come from `data`, or from the data its config
/// names.
void write_report(const std::filesystem::path& run, const data::Dataset* data = nullptr);

/// One page that compares several runs.
void write_comparison(const std::vector<std::filesystem::path>& runs,
                      const std::filesystem::path& file);

}  // namespace graft::train
