#pragma once

#include <memory>

#include "graft/models/detector.h"
#include "graft/train/objective.h"

namespace graft::train {

/// Which boxes count where precision is measured over all scores, as COCO's tools do it.
inline constexpr float kLeastScore = 0.001F;

/// Collects the boxes that a detector finds in the pictures of a view, and what they cost.
std::unique_ptr<Evaluation> evaluate_boxes(const Job& job, const data::View& view,
                                           const models::DetectOptions& options);

/// The twelve figures of COCO and those of Pascal VOC, per class, and, where `threshold` is a
/// score, what is right of the boxes that reach it: for summary.json.
void describe_boxes(const eval::Predictions& measured, double threshold, Json& summary);

/// The score with the best F1 at an overlap of 0.5; NaN where no box is right.
double best_threshold(const eval::Predictions& measured);

}  // namespace graft::train
