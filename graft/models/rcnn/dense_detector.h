#pragma once

#include "graft/models/detector.h"

namespace graft::models {

/// What the end of RetinaNet's chain says (dense_head.h): a class's score is the sigmoid of its
/// logit; of each map the best candidates are suppressed class by class.
///
/// The loss (Lin et al. 2017, arXiv:1708.02002): of anchors that hold an object or clearly none the
/// focal loss of each class (alpha 0.25, gamma 2), and of those that hold one the L1 distance of
/// offsets, both over how many do. There is no objectness.
std::unique_ptr<Detector> make_dense_detector(const Model& model);

}  // namespace graft::models
