#include "graft/models/candidates.h"

#include "graft/image/nms.h"

namespace graft::models {

void Candidates::add(const image::Box& box, float score, int label) {
  boxes.push_back(box);
  scores.push_back(score);
  labels.push_back(label);
}

Detections Candidates::chosen(float iou, int most) const {
  Detections found;
  for (const int i : image::suppress(boxes, scores, labels, iou)) {
    if (static_cast<int>(found.size()) == most) break;
    const auto k = static_cast<size_t>(i);
    found.push_back({boxes[k], labels[k], scores[k]});
  }
  return found;
}

}  // namespace graft::models
