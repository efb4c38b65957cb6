#include <algorithm>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/box_listing.h"
#include "graft/data/folder_walk.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"
#include "graft/data/yolo_files.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxLabelBytes = size_t{64} << 20;

class YoloListing {
 public:
  YoloListing(const fs::path& file, const Options& options)
      : config_(read_yolo_config(
            file, options.is_set("root") ? file.parent_path() / options.text("root") : fs::path())),
        where_(printable(file.string())),
        boxes_(config_.root, where_) {
    for (const auto& note : config_.notes) boxes_.note(note);
    for (const auto& name : config_.names) labels_.push_back(boxes_.class_of(name));
    if (std::any_of(labels_.begin(), labels_.end(), [this](int label) {
          return std::count(labels_.begin(), labels_.end(), label) > 1;
        })) {
      boxes_.note(fmt::format("{}: some of names are equal; they are one class", where_));
    }
  }

  Listing open() {
    for (const YoloConfig::Part& part : config_.parts) {
      for (const std::string& picture : pictures_of(part.place)) add(picture, part.split);
    }
    if (polygons_ > 0) {
      boxes_.note(fmt::format("{} object(s) are polygons; the boxes around them count",
                              grouped(polygons_)));
    }
    return boxes_.finish();
  }

 private:
  /// Paths below the root.
  std::vector<std::string> pictures_of(const std::string& place) const {
    const fs::path at = inside(place);
    std::error_code failed;
    if (fs::is_directory(at, failed)) {
      std::vector<std::string> files = walk_folder(at, Content::images).files;
      const std::string prefix = place == "." ? "" : place + (place.ends_with('/') ? "" : "/");
      for (std::string& file : files) file = prefix + file;
      return files;
    }
    if (extension_of(place) != "txt" || !fs::is_regular_file(at, failed)) {
      fail_unreadable("{}: {} is neither a folder of pictures nor a .txt that lists them", where_,
                      printable(at.string()));
    }
    std::vector<std::string> notes;
    const std::string text = read_text_file(at, notes);
    std::vector<std::string> files;
    LineReader lines(text);
    for (std::string_view line; lines.next(line);) {
      line = trimmed(line);
      if (line.starts_with("./")) line.remove_prefix(2);
      if (!line.empty()) files.emplace_back(line);
    }
    return files;
  }

  fs::path inside(const std::string& relative) const {
    try {
      return join_inside(config_.root, relative);
    } catch (const Error& error) {
      fail(error.code(), "{}: {}", where_, printable(error.what()));
    }
  }

  void add(const std::string& relative, Split split) {
    FilePicture picture;
    picture.id = relative;
    picture.file = inside(relative);
    picture.split = split;
    picture.shares = true;
    const fs::path labels = yolo_label_file(picture.file);
    std::error_code failed;
    if (fs::is_regular_file(labels, failed)) {
      const std::string text = read_file(labels, kMaxLabelBytes);
      for (const YoloRow& row :
           parse_yolo_labels(text, labels_.size(), printable(labels.string()))) {
        FileBox box;
        box.corners = row.corners;
        box.label = labels_[static_cast<size_t>(row.label)];
        polygons_ += row.polygon;
        picture.boxes.push_back(box);
      }
    }
    boxes_.add(std::move(picture));
  }

  YoloConfig config_;
  std::string where_;
  BoxListing boxes_;
  std::vector<int> labels_;  // by YOLO's number
  int64_t polygons_ = 0;
};

}  // namespace

Format yolo() {
  Format format;
  format.name = "yolo";
  format.summary = "boxes in YOLO's text files: data.yaml with names, images/ and labels/";
  format.source = "layout of YOLOv5 and its successors, after Darknet";
  format.options = {text("root", nullptr,
                         "folder that train, val and test are relative to, relative to the file; "
                         "default: its path, else its own folder")};
  format.detect = [](const fs::path& path) { return !find_yolo_config(path).empty(); };
  format.open = [](const fs::path& path, const Options& options) {
    const fs::path file = find_yolo_config(path);
    if (file.empty()) {
      fail_unreadable("{}: there is no data.yaml with names, train and val (or more than one)",
                      path.string());
    }
    return YoloListing(file, options).open();
  };
  return format;
}

}  // namespace graft::data::sources
