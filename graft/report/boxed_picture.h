#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/eval/box_match.h"
#include "graft/report/class_index.h"

namespace graft::report {

/// One line of predictions.jsonl of a run that learns boxes: the objects of a picture, and what was
/// found in it. Boxes are in pixels of the picture; labels are positions among the run's classes.
struct BoxedPicture {
  std::string split;
  std::string input;
  double loss;  ///< NaN when not known
  std::vector<eval::TrueBox> objects;
  std::vector<eval::FoundBox> found;
};

/// Classes that the index lacks are added to it. Nothing when a box has no class, no four numbers,
/// or, where it was found, no score.
std::optional<BoxedPicture> read_boxed_picture(const Json& line, ClassIndex& classes);

}  // namespace graft::report
