#pragma once

#include <string>

#include "graft/report/box_measure.h"
#include "graft/report/run_folder.h"
#include "graft/report/thumbnail.h"

namespace graft::report {

/// Tiles of boxes that are kept and stand for no object (eval::Fate::alone), the highest score
/// first, at most one of a picture. Empty where there is none.
std::string false_positives(const RunFolder& run, const BoxMeasure& measure, size_t count,
                            const Picture& open);

/// Tiles of objects for which no box stands, the largest first, at most one of a picture.
std::string missed_objects(const RunFolder& run, const BoxMeasure& measure, size_t count,
                           const Picture& open);

}  // namespace graft::report
