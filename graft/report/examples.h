#pragma once

#include <functional>
#include <string>

#include "graft/report/run_folder.h"

namespace graft::report {

/// Gives a picture of an input as a data URI ("data:image/jpeg;base64,…"), or "" when it has none:
/// texts, files that are gone. Only data:image/ URIs are put on the page. graft::Error counts as
/// "".
using Thumbnail = std::function<std::string(const std::string& input)>;

/// Gives the text of an input, or "" when it has none.
using Words = std::function<std::string(const std::string& input)>;

/// Tiles of the samples with the highest loss. Empty without predictions.
std::string worst_examples(const RunFolder& run, const std::string& split, size_t count,
                           const Thumbnail& thumbnail, const Words& words = {});

}  // namespace graft::report
