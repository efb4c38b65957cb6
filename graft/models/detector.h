#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "graft/image/box.h"
#include "graft/image/image.h"
#include "graft/models/model.h"

namespace graft::models {

/// An object that a model found.
struct Detection {
  image::Box box;
  int label = 0;
  float score = 0;  ///< from 0 to 1
};
using Detections = std::vector<Detection>;  ///< of one picture, best first

/// What counts as one object where a network finds it many times.
inline constexpr float kUsualSuppression = 0.45F;

/// Which boxes count as found.
struct DetectOptions {
  float score = 0.25F;  ///< surer than this
  /// Boxes of one class that overlap more are the same object; 1: all stay. Unset: what the family
  /// needs, 0.45 for those that find an object many times, 1 for those that find it once.
  std::optional<float> iou = {};
  int most = 300;  ///< in one picture
};

/// An object that is there; the box in pixels of the network's input.
struct Truth {
  image::Box box;
  int label = 0;
};

/// What boxes cost: float32 [B] each, or double where the maps are.
struct BoxLoss {
  at::Tensor total;                     ///< of each picture; gradients flow from here
  at::Tensor box, objectness, classes;  ///< its parts, weighted, detached
  int64_t matched = 0;                  ///< boxes of the network that an object was given to
  int64_t skipped = 0;                  ///< objects without an area inside the picture
};

/// How a family's chain says where objects are.
class Detector {
 public:
  Detector() = default;
  virtual ~Detector() = default;
  Detector(const Detector&) = delete;
  Detector& operator=(const Detector&) = delete;
  /// What the end of the chain shows, for each picture of the batch; boxes in pixels of the
  /// network's input, which they may leave.
  virtual std::vector<Detections> find(const nn::Flow& end, const DetectOptions& options) const = 0;
  /// Usual learning rates are multiplied by this.
  virtual double rate() const { return 1; }
  /// What the end of the chain costs where these objects are there; one list a picture.
  virtual BoxLoss loss(const nn::Flow& end, const std::vector<std::vector<Truth>>& truth) const = 0;
};

/// That of the model's family. A family that finds no objects, and a preprocessing whose pictures
/// the model cannot work with, are errors (exit codes 2 and 3).
std::unique_ptr<Detector> make_detector(const Model& model);

/// What the end of the chain shows in pictures whose "sizes" travel with it (data/scene_writer.h):
/// boxes in their pixels, cut at their borders, without those that lie outside.
std::vector<Detections> find_in_pictures(const Model& model, const Detector& detector,
                                         const nn::Flow& end, const DetectOptions& options);

/// Which boxes count, as a patch of a model's config: "detection": {"nms", "score"}. What is not
/// given is not in it.
Json detection_settings(std::optional<double> score, std::optional<double> nms);
/// The score from which on boxes count by the model's config; NaN where it has none.
double detection_score(const Model& model);
/// Which boxes count by the model's config; where it says nothing, the usual ones.
DetectOptions detect_options(const Model& model);

/// What the model finds in pictures, all in one batch; boxes in their pixels.
std::vector<Detections> detect(Model& model, const Detector& detector,
                               const std::vector<image::Image>& pictures,
                               const DetectOptions& options = {});

}  // namespace graft::models
