#pragma once

#include "graft/models/detector.h"

namespace graft::models {

/// What the end of Faster R-CNN's chain says (region_head.h): a region's classes are softmax of its
/// logits, and each class with a score has a box of its own; boxes that are cut at the borders are
/// suppressed class by class.
///
/// The loss (Ren et al. 2015, arXiv:1506.01497; Girshick 2015, arXiv:1504.08083): of the anchors
/// that were drawn, whether they hold an object, binary cross entropy, and of those that do the
/// smooth L1 distance (beta 1/9) of offsets; of the regions cross entropy of classes and the
/// smooth L1 distance of their class's shifts; each over what was drawn of the picture. Where
/// nothing was drawn ("drawn" of proposals.h is absent), the same draw is made each time.
std::unique_ptr<Detector> make_region_detector(const Model& model);

}  // namespace graft::models
