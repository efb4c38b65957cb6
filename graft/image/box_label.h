#pragma once

#include <vector>

#include "graft/image/box.h"
#include "graft/image/image.h"

namespace graft::image {

/// An object that is marked in a picture.
struct BoxLabel {
  Box box;
  int label = 0;           ///< position among the classes
  bool crowd = false;      ///< stands for many objects: nothing inside it is wrong (COCO)
  bool difficult = false;  ///< need not be found (VOC)
  float area = 0;          ///< in pixels, as the data say: COCO's size classes go by the mask's
  bool operator==(const BoxLabel&) const = default;
};

/// A picture with what is marked in it.
struct Scene {
  Image image;
  std::vector<BoxLabel> boxes;
};

/// What is kept of objects when a picture is cut.
struct CutRule {
  /// An object of which less than this share is left goes. Crowds stay whatever is left.
  float visible = 0.1F;
  /// And one with a shorter side, in pixels.
  float shortest = 1;
};

/// `box` after x' = x scale_x + shift_x, y' = y scale_y + shift_y; negative scales mirror.
Box moved(const Box& box, float scale_x, float scale_y, float shift_x, float shift_y);
/// The same for all objects, areas included.
void move_boxes(std::vector<BoxLabel>& boxes, float scale_x, float scale_y, float shift_x,
                float shift_y);
/// Cuts boxes at the borders of `window` and removes what the rule does not keep. Areas shrink with
/// their boxes.
void cut_boxes(std::vector<BoxLabel>& boxes, const Box& window, const CutRule& rule);

}  // namespace graft::image
