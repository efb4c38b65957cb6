#include "graft/image/codec.h"
#include "graft/models/darknet/files.h"
#include "graft/models/detector.h"
#include "graft/models/load.h"

namespace graft {

/// What YOLO-Fastest sees in a photo; writes the model into `folder` as Darknet's files.
models::Detections find_objects(const std::string& photo, const std::string& folder) {
  models::ModelSource source;
  source.path = "yolo_fastest_1.1";
  source.task = models::Task::boxes;
  // A second argument would be other classes; rows of the head follow their names.
  const models::LoadedModel loaded = models::load_model(source);
  models::save_darknet(*loaded.model, folder, "yolo");  // yolo.cfg, yolo.weights, yolo.names

  const auto detector = models::make_detector(*loaded.model);
  // Boxes in pixels of the photo, labels (positions in loaded.model->classes()) and scores.
  return models::detect(*loaded.model, *detector, {image::load(photo)}, {.score = 0.3F}).front();
}

}  // namespace graft
