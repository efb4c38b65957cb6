#pragma once

#include <functional>
#include <string>

#include "graft/report/run_folder.h"
#include "graft/report/thumbnail.h"

namespace graft::report {

/// Gives the text of an input, or "" when it has none.
using Words = std::function<std::string(const std::string& input)>;

/// Tiles of the samples with the highest loss. Empty without predictions.
std::string worst_examples(const RunFolder& run, const std::string& split, size_t count,
                           const Picture& picture, const Words& words = {});

}  // namespace graft::report
