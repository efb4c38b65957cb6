#pragma once

#include <vector>

#include "graft/io/darknet_net.h"
#include "graft/models/detector.h"

namespace graft::models {

/// What maps [B, anchors x (5 + classes), H, W], one for each of `heads`, cost where objects are
/// there, summed over everything in a picture, as Darknet trains (Redmon and Farhadi 2018,
/// arXiv:1804.02767; Bochkovskiy et al. 2020, arXiv:2004.10934):
///
/// - An object goes to the cell in which its centre lies, to the anchor of all maps whose sides fit
///   it best, and to every other one that fits better than iou_thresh.
/// - box: iou_loss of the cfg between the box there and the object. Where that is mse, a binary
///   cross entropy for the place in the cell and half the squared error of the sides' logarithms,
///   times 2 - the share of the picture that the object covers.
/// - objectness: binary cross entropy, 1 there and 0 elsewhere. Not asked of boxes that overlap an
///   object of the picture by more than ignore_thresh and are of some class by a quarter.
/// - classes: binary cross entropy, where an object is; label_smooth_eps.
///
/// One thing differs from Darknet. It takes the gradient of the IoU by the box, not by the outputs
/// that the box is made of, and iou_normalizer makes up for what is too large then. Here the
/// gradient is that of the loss. An iou_normalizer of 0.07, which cfgs have since v4, counts as 1.
///
/// `input` is the size of the picture that truth is given in. Objects are cut at its borders;
/// those without an area are skipped. Labels must be below the number of classes. Settings that are
/// not those above (DarknetYolo::not_learned) are an error (exit code 2).
BoxLoss yolo_loss(const std::vector<at::Tensor>& maps,
                  const std::vector<const io::DarknetYolo*>& heads, const io::MapShape& input,
                  const std::vector<std::vector<Truth>>& truth);

}  // namespace graft::models
