#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "graft/data/sample.h"

namespace graft::data {

/// What a data.yaml says (the layout of YOLOv5 and its successors).
struct YoloConfig {
  struct Part {
    Split split;
    std::string place;  ///< a folder of pictures, or a .txt that lists them
  };
  std::filesystem::path root;      ///< what `place` is relative to
  std::vector<std::string> names;  ///< by class number
  std::vector<Part> parts;
  std::vector<std::string> notes;
};

/// Reads one. `root` overrides its `path` where it is not empty. A `path` that is absolute or
/// leaves the folder of the file is not followed, and a note says so; "../" in front of a place is
/// left out (Roboflow writes it). Errors (exit code 3): no names, numbers of classes that are
/// missing, no place to train on.
YoloConfig read_yolo_config(const std::filesystem::path& file, const std::filesystem::path& root);

/// The data.yaml of a folder, or the only YAML file that reads like one; empty when there is none.
/// `path` may be that file itself.
std::filesystem::path find_yolo_config(const std::filesystem::path& path);

/// One line of a label file. Corners are shares of the picture's sides, NaN where a coordinate is
/// no number.
struct YoloRow {
  int label = 0;
  std::array<double, 4> corners{};  ///< x0, y0, x1, y1
  bool polygon = false;             ///< it was one, and this is the box around it
};

/// Lines "class cx cy width height", with a score behind them or not, or "class x y x y x y …".
/// Blank lines are left out. Errors (exit code 3) name `where` and the line: other shapes, classes
/// that are none of `classes`, pixels in the place of shares.
std::vector<YoloRow> parse_yolo_labels(std::string_view text, size_t classes,
                                       const std::string& where);

/// Where the labels of a picture lie: labels in the place of the last folder called images, .txt in
/// the place of the ending.
std::filesystem::path yolo_label_file(const std::filesystem::path& picture);

}  // namespace graft::data
