#include "tests/contract_training/scenes.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "graft/base/rng.h"
#include "graft/image/box.h"
#include "graft/image/codec.h"

namespace graft::contract {
namespace fs = std::filesystem;
namespace {

constexpr int kWidth = 80, kHeight = 60;

void write_bytes(const fs::path& file, const std::vector<uint8_t>& bytes) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

/// Draws a rectangle of a colour where there is room; false where there is none.
bool add_rectangle(image::Image& picture, std::vector<image::Box>& boxes, int colour, Rng& rng) {
  const auto below = [&rng](int n) {
    return static_cast<int>(rng.below(static_cast<uint64_t>(n)));
  };
  const int w = 14 + below(26), h = 12 + below(20);
  const int x = below(kWidth - w), y = below(kHeight - h);
  const image::Box box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + w),
                       static_cast<float>(y + h)};
  if (std::ranges::any_of(boxes, [&](const image::Box& other) {
        return image::intersection(box, other).area() > 0;
      }))
    return false;
  for (int j = y; j < y + h; ++j) {
    for (int i = x; i < x + w; ++i) picture.at(i, j)[colour] = 230;
  }
  boxes.push_back(box);
  return true;
}

void make_scene(const fs::path& picture_file, const fs::path& label_file, const Scenes& scenes,
                int number, Rng& rng) {
  image::Image picture(kWidth, kHeight);
  for (uint8_t& sample : picture.pixels) sample = static_cast<uint8_t>(rng.below(60));
  std::vector<image::Box> boxes;
  std::ofstream labels(label_file);
  const bool empty = scenes.empty_ones && number % 6 == 5;
  for (int attempt = 0; attempt < 8 && boxes.size() < 3 && !empty; ++attempt) {
    const auto label = static_cast<int>(rng.below(scenes.classes.size()));
    if (!add_rectangle(picture, boxes, label % 3, rng)) continue;
    const image::Box& b = boxes.back();
    labels << fmt::format("{} {} {} {} {}\n", label, (b.x0 + b.x1) / 2 / kWidth,
                          (b.y0 + b.y1) / 2 / kHeight, b.width() / kWidth, b.height() / kHeight);
  }
  write_bytes(picture_file, image::encode_png(picture));
}

}  // namespace

fs::path make_scenes(const fs::path& folder, const Scenes& scenes) {
  uint64_t key = 0;
  std::string yaml;
  for (const auto& [split, name, count] : {std::tuple{"train", "train", scenes.train},
                                           {"val", "validation", scenes.validation},
                                           {"test", "test", scenes.test}}) {
    if (count == 0) continue;
    fs::create_directories(folder / "images" / name);
    fs::create_directories(folder / "labels" / name);
    yaml += fmt::format("{}: images/{}\n", split, name);
    for (int i = 0; i < count; ++i) {
      Rng rng{11, ++key};
      const std::string stem = fmt::format("{:03}", i);
      make_scene(folder / "images" / name / (stem + ".png"),
                 folder / "labels" / name / (stem + ".txt"), scenes, i, rng);
    }
  }
  yaml += "names: [";
  for (const auto& name : scenes.classes) yaml += name + ", ";
  std::ofstream(folder / "data.yaml") << yaml << "]\n";
  return folder;
}

const fs::path& scenes() {
  static const test::ScratchDir scratch;
  static const fs::path folder = make_scenes(scratch / "scenes", {});
  return folder;
}

Json tiny_yolo() {
  std::string cfg = test::read_text(test::source_dir() / "tests/golden/darknet/tiny.cfg");
  const std::string classes = "classes=3";
  const std::string loss = "iou_thresh=0.3\niou_loss=ciou\n";
  for (size_t at = 0; (at = cfg.find(classes, at)) != std::string::npos;
       at += loss.size() + classes.size())
    cfg.insert(at, loss);
  return {{"config", {{"model_type", "darknet"}, {"cfg", cfg}}}, {"init", "random"}};
}

Json box_config(const fs::path& output) {
  Json config = config_of("vit", output);
  config["task"] = "object-detection";
  config["model"] = tiny_yolo();
  config["data"] = scenes().string();
  config["metric"] = "AP50";
  config["train"]["batch"] = 4;
  return config;
}

namespace {

/// Of tests/golden/detection_models; some say only in a config what they are.
Json golden_detector(const std::string& name, const Json& config = Json::object()) {
  return {{"path", (test::source_dir() / "tests/golden/detection_models" / name).string()},
          {"config", config},
          {"image_size", 64}};
}

}  // namespace

const std::vector<Detector>& detectors() {
  static const std::vector<Detector> all = {
      {"darknet", tiny_yolo()},
      {"yolos", golden_detector("yolos")},
      {"detr", golden_detector("detr")},
      {"deformable_detr", golden_detector("deformable_detr_refined"), false},
      {"rt_detr_v2", golden_detector("rt_detr_v2"), false},
      {"d_fine", golden_detector("d_fine"), false},
      {"faster_rcnn",
       golden_detector("faster_rcnn.pth", {{"anchor_sizes", {{8}, {16}, {24}, {40}, {64}}},
                                           {"rpn_post_nms_top_n_train", 40},
                                           {"rpn_post_nms_top_n_test", 30}})},
      {"retinanet", golden_detector("retinanet.pth")},
  };
  return all;
}

Json detector_config(const Detector& detector, const fs::path& output) {
  Json config = box_config(output);
  config["model"] = detector.model;
  config["train"]["lr"] = config["train"]["head_lr"] = 1e-3;
  return config;
}

eval::Predictions found_in(train::Job& job, const data::View& view) {
  train::Reader reader(job, [](const std::string&) {});
  return reader.evaluate(view, train::Deadline(std::nullopt));
}

}  // namespace graft::contract
