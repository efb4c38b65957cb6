#pragma once

#include <memory>

#include "graft/models/detector.h"

namespace graft::models {

/// YOLO's boxes (Redmon and Farhadi 2018, arXiv:1804.02767; scale_x_y: Bochkovskiy et al. 2020,
/// arXiv:2004.10934), as Darknet and OpenCV make them of the maps: the centre lies in the cell at
/// scale_x_y * sigmoid(t) - (scale_x_y - 1) / 2, sides are anchor * exp(t), and a class's score is
/// sigmoid(objectness) * sigmoid(class). Each class with a score is a detection of its own; then
/// greedy non-maximum suppression by class. The loss: yolo_loss.h.
std::unique_ptr<Detector> make_yolo_detector(const Model& model);

}  // namespace graft::models
