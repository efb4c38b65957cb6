#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "graft/image/box_label.h"
#include "graft/image/codec.h"

namespace graft::data {

/// A box that was found: `label` is a position among the class names.
struct ScoredBox {
  image::Box box;
  int label = 0;
  float score = 1;
};

/// What was found in one picture.
struct FoundInPicture {
  std::string file;  ///< path below the folder of pictures, with '/'
  int64_t id = 0;    ///< as the data number the picture (COCO)
  image::Dimensions size;
  std::vector<ScoredBox> boxes;
};

/// COCO's results: a list of {image_id, category_id, bbox, score}. `category_ids` has the id of
/// each class; empty: 1, 2 ….
void write_coco_results(const std::filesystem::path& file, const std::vector<FoundInPicture>& found,
                        const std::vector<int64_t>& category_ids = {});

/// A whole file of COCO's annotations with images and categories (by rising number from 1), as
/// labelling tools import it; each annotation has its `score` besides.
void write_coco(const std::filesystem::path& file, const std::vector<FoundInPicture>& found,
                const std::vector<std::string>& classes);

/// Pascal VOC: Annotations/<picture>.xml below `folder`, and ImageSets/Main/<set>.txt. Coordinates
/// have two decimals at most; whole ones have none. Pictures in different folders that would get
/// the same name are an error (exit code 2).
void write_voc(const std::filesystem::path& folder, const std::vector<FoundInPicture>& found,
               const std::vector<std::string>& classes, const std::string& set = "train");

/// YOLO: a label file a picture below `folder`/labels, and data.yaml. `scores` adds them as a sixth
/// column, as tools write predictions. Pictures are expected in `folder`/images.
void write_yolo(const std::filesystem::path& folder, const std::vector<FoundInPicture>& found,
                const std::vector<std::string>& classes, bool scores = false);

}  // namespace graft::data
