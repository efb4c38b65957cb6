#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "graft/data/box_writers.h"
#include "graft/image/image.h"
#include "graft/models/detector.h"

namespace graft::cli {

/// What `graft predict` does with the objects that were found, beside printing them.
struct ObjectOutputs {
  std::string draw;  ///< folder for the pictures with boxes drawn in
  std::string coco;  ///< file for COCO's results
  std::string voc;   ///< folder for Pascal VOC
  std::string yolo;  ///< folder for YOLO

  bool any() const { return !draw.empty() || files(); }
  bool files() const { return !coco.empty() || !voc.empty() || !yolo.empty(); }
};

/// Draws pictures as they come, and writes the files at the end.
class FoundObjects {
 public:
  FoundObjects(ObjectOutputs outputs, std::vector<std::string> classes)
      : outputs_(std::move(outputs)), classes_(std::move(classes)) {}

  void add(const std::filesystem::path& file, const image::Image& picture,
           const models::Detections& found);
  /// Says on standard error what was written.
  void write() const;

 private:
  void draw(const std::filesystem::path& file, image::Image picture,
            const models::Detections& found);

  ObjectOutputs outputs_;
  std::vector<std::string> classes_;
  std::vector<data::FoundInPicture> pictures_;
  std::set<std::string> names_;  // of drawn pictures
};

}  // namespace graft::cli
