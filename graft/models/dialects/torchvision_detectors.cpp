#include <torch/types.h>

#include <array>

#include "graft/base/error.h"
#include "graft/models/dialects.h"
#include "graft/models/dialects/dialect.h"

namespace graft::models {
namespace {

/// Of torchvision's COCO weights, row by row; numbers that COCO gave to no class are empty.
constexpr std::array<const char*, 91> kCocoRows = {"__background__",
                                                   "person",
                                                   "bicycle",
                                                   "car",
                                                   "motorcycle",
                                                   "airplane",
                                                   "bus",
                                                   "train",
                                                   "truck",
                                                   "boat",
                                                   "traffic light",
                                                   "fire hydrant",
                                                   "",
                                                   "stop sign",
                                                   "parking meter",
                                                   "bench",
                                                   "bird",
                                                   "cat",
                                                   "dog",
                                                   "horse",
                                                   "sheep",
                                                   "cow",
                                                   "elephant",
                                                   "bear",
                                                   "zebra",
                                                   "giraffe",
                                                   "",
                                                   "backpack",
                                                   "umbrella",
                                                   "",
                                                   "",
                                                   "handbag",
                                                   "tie",
                                                   "suitcase",
                                                   "frisbee",
                                                   "skis",
                                                   "snowboard",
                                                   "sports ball",
                                                   "kite",
                                                   "baseball bat",
                                                   "baseball glove",
                                                   "skateboard",
                                                   "surfboard",
                                                   "tennis racket",
                                                   "bottle",
                                                   "",
                                                   "wine glass",
                                                   "cup",
                                                   "fork",
                                                   "knife",
                                                   "spoon",
                                                   "bowl",
                                                   "banana",
                                                   "apple",
                                                   "sandwich",
                                                   "orange",
                                                   "broccoli",
                                                   "carrot",
                                                   "hot dog",
                                                   "pizza",
                                                   "donut",
                                                   "cake",
                                                   "chair",
                                                   "couch",
                                                   "potted plant",
                                                   "bed",
                                                   "",
                                                   "dining table",
                                                   "",
                                                   "",
                                                   "toilet",
                                                   "",
                                                   "tv",
                                                   "laptop",
                                                   "mouse",
                                                   "remote",
                                                   "keyboard",
                                                   "cell phone",
                                                   "microwave",
                                                   "oven",
                                                   "toaster",
                                                   "sink",
                                                   "refrigerator",
                                                   "",
                                                   "book",
                                                   "clock",
                                                   "vase",
                                                   "scissors",
                                                   "teddy bear",
                                                   "hair drier",
                                                   "toothbrush"};

/// Names of the classes of 91 rows from `first` on.
Json coco_names(size_t first) {
  Json names = Json::object();
  for (size_t row = first; row < kCocoRows.size(); ++row) {
    const std::string name = kCocoRows[row];
    names[std::to_string(row - first)] = name.empty() ? fmt::format("N/A {}", row) : name;
  }
  return names;
}

/// What tells a detector of torchvision.
struct Kind {
  const char* model_type;
  const char* architecture;
  const char* classes;   ///< the layer with a row a class
  const char* anchors;   ///< the layer with four rows an anchor
  int64_t anchors_each;  ///< as torchvision usually has them, at each place
  int64_t pyramid;       ///< maps of the body that it reads
  bool background;       ///< the first row is no class
};

constexpr Kind kFasterRcnn{
    "faster_rcnn", "FasterRCNN", "roi_heads.box_predictor.cls_score", "rpn.head.bbox_pred", 3, 4,
    true};
constexpr Kind kRetinaNet{"retinanet",
                          "RetinaNet",
                          "head.classification_head.cls_logits",
                          "head.regression_head.bbox_reg",
                          9,
                          3,
                          false};

/// Names of before 0.13 come from weights whose frozen norms add nothing to variances.
bool has_old_names(const io::TensorMap& tensors) {
  return tensors.contains("backbone.fpn.inner_blocks.0.weight");
}

bool adopt(Checkpoint& checkpoint, const Kind& kind) {
  const io::TensorMap tensors = unwrapped(checkpoint.tensors);
  const Json foreign = checkpoint.config;
  const std::string classes = std::string(kind.classes) + ".weight";
  const std::string anchors = std::string(kind.anchors) + ".weight";
  if (!tensors.contains(classes) || !tensors.contains(anchors)) return false;
  if (!tensors.contains("backbone.body.conv1.weight"))
    refuse(foreign, "its body is not a ResNet with a pyramid");
  for (const char* norm :
       {"backbone.fpn.inner_blocks.0.1.weight", "head.classification_head.conv.0.1.weight"}) {
    if (tensors.contains(norm)) refuse(foreign, "its pyramid or head has norms (the v2 variants)");
  }
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with("roi_heads.mask") || name.starts_with("roi_heads.keypoint"))
      refuse(foreign, "it also finds masks or keypoints");
  }
  const bool old = has_old_names(tensors);
  const int64_t maps =
      count_numbered(tensors, "backbone.fpn.inner_blocks.", old ? ".weight" : ".0.weight");
  if (maps != kind.pyramid)
    refuse(foreign,
           fmt::format("its pyramid reads {} maps of the body, not {}", maps, kind.pyramid));
  if (expect_tensor(tensors, anchors, 4).size(0) != 4 * kind.anchors_each)
    refuse(foreign, fmt::format("it has {} anchors at each place, not the usual {}",
                                tensors.at(anchors).size(0) / 4, kind.anchors_each));
  const int64_t rows = expect_tensor(tensors, classes, kind.background ? 2 : 4).size(0);
  const int64_t named = kind.background ? rows - 1 : rows / kind.anchors_each;
  if (named < 1) refuse(foreign, "it has no classes");

  Json config = adopted_config(foreign, kind.model_type, kind.architecture, named, 0);
  config.erase("preprocessor");
  const auto first = static_cast<int64_t>(kind.background);
  if (named + first == static_cast<int64_t>(kCocoRows.size()))
    config["id2label"] = coco_names(static_cast<size_t>(first));
  config.update(resnet_config(tensors, "backbone.body.", foreign));
  const std::string inner =
      old ? "backbone.fpn.inner_blocks.0.weight" : "backbone.fpn.inner_blocks.0.0.weight";
  config["fpn_channels"] = expect_tensor(tensors, inner, 4).size(0);
  if (kind.background)
    config["representation_size"] =
        expect_tensor(tensors, "roi_heads.box_head.fc6.weight", 2).size(0);
  config["frozen_batch_norm"] = !tensors.contains("backbone.body.bn1.num_batches_tracked");
  config["batch_norm_eps"] = old ? 0.0 : 1e-5;
  checkpoint = {config, tensors};
  return true;
}

}  // namespace

bool adopt_faster_rcnn(Checkpoint& checkpoint) {
  return adopt(checkpoint, kFasterRcnn);
}

bool adopt_retinanet(Checkpoint& checkpoint) {
  return adopt(checkpoint, kRetinaNet);
}

}  // namespace graft::models
