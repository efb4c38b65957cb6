#include "graft/cli/found_objects.h"

#include <iostream>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/image/codec.h"
#include "graft/image/draw.h"

namespace graft::cli {
namespace fs = std::filesystem;
namespace {

/// A name below the folder that no earlier picture has: photo.jpg, photo-2.jpg …
fs::path free_name(const fs::path& folder, const fs::path& file, std::set<std::string>& taken) {
  const std::string stem = file.stem().string();
  for (int i = 1;; ++i) {
    const std::string name = i == 1 ? stem + ".jpg" : fmt::format("{}-{}.jpg", stem, i);
    if (taken.insert(name).second) return folder / name;
  }
}

}  // namespace

void FoundObjects::add(const fs::path& file, const image::Image& picture,
                       const models::Detections& found) {
  if (!outputs_.draw.empty()) draw(file, picture, found);
  if (!outputs_.files()) return;
  data::FoundInPicture one;
  one.file = file.filename().string();
  one.id = static_cast<int64_t>(pictures_.size()) + 1;
  one.size = {picture.width, picture.height};
  for (const models::Detection& object : found)
    one.boxes.push_back({object.box, object.label, object.score});
  pictures_.push_back(std::move(one));
}

void FoundObjects::draw(const fs::path& file, image::Image picture,
                        const models::Detections& found) {
  std::vector<image::DrawnBox> boxes;
  for (const models::Detection& one : found) {
    boxes.push_back(
        {one.box,
         fmt::format("{} {:.0f} %", classes_[static_cast<size_t>(one.label)], 100 * one.score),
         image::class_color(one.label)});
  }
  image::draw_boxes(picture, boxes, image::style_for(picture));
  const std::vector<uint8_t> jpeg = image::encode_jpeg(picture);
  fs::create_directories(outputs_.draw);
  const fs::path target = free_name(outputs_.draw, file, names_);
  if (fs::exists(target) && fs::equivalent(target, file)) {
    fail_usage("predict: --draw {} would overwrite {}; give another folder", outputs_.draw,
               file.string());
  }
  write_atomically(target, std::string(jpeg.begin(), jpeg.end()));
}

void FoundObjects::write() const {
  const auto say = [](size_t count, const std::string& where) {
    std::cerr << fmt::format("graft: written: {} pictures to {}\n", count, where);
  };
  if (!names_.empty()) say(names_.size(), outputs_.draw);
  if (!outputs_.coco.empty()) {
    data::write_coco(outputs_.coco, pictures_, classes_);
    say(pictures_.size(), outputs_.coco);
  }
  if (!outputs_.voc.empty()) {
    data::write_voc(outputs_.voc, pictures_, classes_, "predicted");
    say(pictures_.size(), outputs_.voc);
  }
  if (!outputs_.yolo.empty()) {
    data::write_yolo(outputs_.yolo, pictures_, classes_, true);
    say(pictures_.size(), outputs_.yolo);
  }
}

}  // namespace graft::cli
