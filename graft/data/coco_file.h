#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace graft::data {

/// Annotations in the format of COCO (Lin et al. 2014), as the file has them: bad boxes stay, ids
/// are any whole numbers.
struct CocoFile {
  struct Image {
    int64_t id = 0;
    std::string file;           ///< "file_name"
    int width = 0, height = 0;  ///< 0 when the file does not say
  };
  struct Category {
    int64_t id = 0;
    std::string name;
  };
  struct Annotation {
    int image = 0, category = 0;  ///< positions in the lists, -1 for an id that they lack
    int64_t image_id = 0, category_id = 0;
    std::array<double, 4> box{};  ///< x, y, width, height in pixels; NaN where it is no number
    double area = 0;              ///< of the mask, where the file has it; else of the box
    bool crowd = false;
  };

  std::vector<Image> images;
  std::vector<Category> categories;  ///< by rising id; empty when the file has none
  std::vector<Annotation> annotations;
  int64_t without_box = 0;  ///< annotations that have no "bbox", or an empty one: masks alone
};

/// Reads one. Errors (exit code 3) name the file and the record: no list of images or annotations,
/// ids that are missing or there twice, boxes that are not four numbers. What has no boxes at all
/// (captions, panoptic masks) is an error too.
CocoFile read_coco(const std::filesystem::path& path);

/// A box that some tool found, in the format of COCO's results.
struct CocoResult {
  int image = 0, category = 0;  ///< positions in the lists of a CocoFile
  std::array<double, 4> box{};  ///< x, y, width, height in pixels
  double score = 0;
};

/// Reads results that belong to `truth`. An image is named by its id, or by a text: the name of its
/// file, with or without folders and ending. Errors (exit code 3) name the record: unknown images
/// or categories, boxes that are not four finite numbers or have a negative side, scores that are
/// no finite number.
std::vector<CocoResult> read_coco_results(const std::filesystem::path& path, const CocoFile& truth);

/// Whether `path` is a JSON file that looks like one of COCO's annotations; cheap.
bool looks_like_coco(const std::filesystem::path& path);

}  // namespace graft::data
