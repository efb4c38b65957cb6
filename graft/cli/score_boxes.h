#pragma once

#include "graft/cli/command.h"

namespace graft::cli {

/// Whether the words of `graft eval` name a file of predictions instead of a model.
bool names_predictions(const Words& words);

/// `graft eval predictions=results.json data=instances.json`: measures boxes that any tool found,
/// in COCO's results format, against annotations in COCO's format.
int score_boxes(const Words& words);

}  // namespace graft::cli
