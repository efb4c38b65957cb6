#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/box_listing.h"
#include "graft/data/coco_file.h"
#include "graft/data/format.h"
#include "graft/data/names.h"
#include "graft/data/split_files.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

/// "train" of instances_train2017.json; for _annotations.coco.json that of its folder.
Split split_of(const fs::path& file) {
  std::string stem = file.stem().string();
  stem.erase(
      std::remove_if(stem.begin(), stem.end(), [](unsigned char c) { return std::isdigit(c); }),
      stem.end());
  const Split split = split_in(stem);
  return split != Split::none ? split : split_called(file.parent_path().filename().string());
}

/// Files with annotations in a folder, in its annotations/, or in its folders of splits (Roboflow).
/// Where some are called instances_…, others are captions, key points and the like.
std::vector<fs::path> annotation_files(const fs::path& root) {
  std::vector<fs::path> files;
  std::vector<fs::path> folders = {root};
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(root, failed)) {
    const std::string name = entry.path().filename().string();
    if ((name == "annotations" || split_called(name) != Split::none) && entry.is_directory(failed))
      folders.push_back(entry.path());
  }
  for (const fs::path& folder : folders) {
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
      if (looks_like_coco(entry.path())) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  const auto instances = [](const fs::path& file) {
    return file.filename().string().starts_with("instances");
  };
  if (std::any_of(files.begin(), files.end(), instances))
    std::erase_if(files, [&](const fs::path& file) { return !instances(file); });
  return files;
}

/// Where the pictures of a file of annotations lie: the first usual place that has one of the first
/// pictures. COCO: images/train2017 or train2017 beside annotations/instances_train2017.json.
fs::path find_root(const fs::path& file, const CocoFile& coco) {
  constexpr size_t kTried = 20;
  const fs::path folder = file.parent_path();
  const fs::path above = folder / "..";
  const std::string stem = file.stem().string();
  const std::string part = stem.substr(stem.find_last_of('_') + 1);
  const std::vector<fs::path> places = {
      folder, folder / "images", folder / part, folder / "images" / part,
      above,  above / "images",  above / part,  above / "images" / part};
  for (const fs::path& place : places) {
    for (size_t i = 0; i < std::min(kTried, coco.images.size()); ++i) {
      std::error_code failed;
      if (fs::is_regular_file(place / coco.images[i].file, failed)) return place.lexically_normal();
    }
  }
  return folder;
}

class CocoListing {
 public:
  CocoListing(const fs::path& path, const Options& options)
      : options_(options), where_(printable(path.string())), boxes_(path, where_) {}

  void add(const fs::path& file, Split split) {
    const std::string where = printable(file.string());
    const CocoFile coco = read_coco(file);
    const fs::path root = options_.is_set("root") ? file.parent_path() / options_.text("root")
                                                  : find_root(file, coco);
    std::vector<FilePicture> pictures;
    for (const CocoFile::Image& image : coco.images) {
      FilePicture picture;
      picture.id = image.file;
      try {
        picture.file = join_inside(root, image.file);
      } catch (const Error& error) {
        fail(error.code(), "{}, image {}: {}", where, image.id, printable(error.what()));
      }
      picture.split = split;
      if (image.width > 0 && image.height > 0) picture.size = {image.width, image.height};
      pictures.push_back(std::move(picture));
    }
    take_classes(coco, where);
    take_boxes(coco, where, pictures);
    for (FilePicture& picture : pictures) boxes_.add(std::move(picture));
  }

  Listing finish() { return boxes_.finish(); }

 private:
  void take_classes(const CocoFile& coco, const std::string& where) {
    classes_.clear();
    std::map<std::string, int64_t> seen;
    for (const CocoFile::Category& category : coco.categories) {
      const std::string name =
          category.name.empty() ? fmt::format("category {}", category.id) : category.name;
      const auto [place, fresh] = seen.emplace(name, category.id);
      if (!fresh) {
        boxes_.note(fmt::format("{}: the categories {} and {} are both called {} and are one class",
                                where, place->second, category.id, printable(name)));
      }
      classes_.push_back(boxes_.class_of(name));
    }
    if (coco.categories.empty()) {
      boxes_.note(fmt::format("{} has no categories; classes are called by their ids", where));
      return;
    }
    const int64_t gaps = coco.categories.back().id - coco.categories.front().id + 1 -
                         static_cast<int64_t>(coco.categories.size());
    if (gaps > 0) {
      boxes_.note(fmt::format(
          "{}: the ids of its {} categories go from {} to {}; classes go by "
          "name, so that gaps do not matter",
          where, coco.categories.size(), coco.categories.front().id, coco.categories.back().id));
    }
  }

  void take_boxes(const CocoFile& coco, const std::string& where,
                  std::vector<FilePicture>& pictures) {
    int64_t strange_images = 0;
    int64_t strange_categories = 0;
    for (const CocoFile::Annotation& one : coco.annotations) {
      if (one.image < 0) {
        ++strange_images;
        continue;
      }
      if (one.category < 0 && !coco.categories.empty()) {
        ++strange_categories;
        continue;
      }
      FileBox box;
      box.corners = {one.box[0], one.box[1], one.box[0] + one.box[2], one.box[1] + one.box[3]};
      box.label = coco.categories.empty() ? boxes_.class_of(std::to_string(one.category_id))
                                          : classes_[static_cast<size_t>(one.category)];
      box.crowd = one.crowd;
      box.area = one.area;
      pictures[static_cast<size_t>(one.image)].boxes.push_back(box);
    }
    const auto say = [&](int64_t count, const char* what) {
      if (count > 0) boxes_.note(fmt::format("{}: {} {}", where, grouped(count), what));
    };
    say(strange_images, "annotation(s) are of images that it does not list and are left out");
    say(strange_categories, "annotation(s) have a category that it does not list and are left out");
    say(coco.without_box, "annotation(s) have no bbox and are left out");
  }

  const Options& options_;
  std::string where_;
  BoxListing boxes_;
  std::vector<int> classes_;
};

Listing open_coco(const fs::path& path, const Options& options) {
  CocoListing listing(path, options);
  if (!fs::is_directory(path)) {
    listing.add(path, Split::none);
    return listing.finish();
  }
  const std::vector<fs::path> files = annotation_files(path);
  if (files.empty())
    fail_unreadable("{} holds no JSON file with annotations in COCO's format", path.string());
  std::map<Split, fs::path> taken;
  for (const fs::path& file : files) {
    const Split split = split_of(file);
    const auto [place, fresh] = taken.emplace(split, file);
    if (!fresh) {
      fail_unreadable(
          "{} and {} are both annotations of {}; give data.train, data.validation and data.test",
          printable(place->second.string()), printable(file.string()),
          split == Split::none ? "no split by their names" : split_name(split));
    }
    listing.add(file, split);
  }
  return listing.finish();
}

}  // namespace

Format coco() {
  Format format;
  format.name = "coco";
  format.summary = "boxes in COCO's JSON: instances_train.json …, one file a split or a folder";
  format.source = "Lin et al. 2014; https://cocodataset.org/#format-data";
  format.options = {text("root", nullptr,
                         "folder of the pictures, relative to the file; default: where COCO and "
                         "Roboflow have them")};
  format.detect = [](const fs::path& path) {
    std::error_code failed;
    if (fs::is_directory(path, failed)) return !annotation_files(path).empty();
    return looks_like_coco(path);
  };
  format.open = open_coco;
  return format;
}

}  // namespace graft::data::sources
