#include "tests/unit/models/scenes.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/rng.h"

namespace graft::models::test {

Scene make_scene(uint64_t number) {
  Rng rng{3, 0, number};
  Scene scene{image::Image(kSceneSide, kSceneSide), {}};
  for (uint8_t& sample : scene.picture.pixels) sample = static_cast<uint8_t>(rng.below(60));
  for (int attempt = 0; attempt < 8 && scene.truth.size() < 3; ++attempt) {
    const int w = 10 + static_cast<int>(rng.below(24)), h = 10 + static_cast<int>(rng.below(24));
    const int x = static_cast<int>(rng.below(static_cast<uint64_t>(kSceneSide - w)));
    const int y = static_cast<int>(rng.below(static_cast<uint64_t>(kSceneSide - h)));
    const image::Box box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + w),
                         static_cast<float>(y + h)};
    if (std::ranges::any_of(scene.truth, [&](const Truth& other) {
          return image::intersection(box, other.box).area() > 0;
        }))
      continue;
    const int label = static_cast<int>(rng.below(3));
    for (int j = y; j < y + h; ++j) {
      for (int i = x; i < x + w; ++i) scene.picture.at(i, j)[label] = 230;
    }
    scene.truth.push_back({box, label});
  }
  return scene;
}

std::vector<Scene> make_scenes(uint64_t count) {
  std::vector<Scene> scenes;
  for (uint64_t i = 0; i < count; ++i) scenes.push_back(make_scene(i));
  return scenes;
}

at::Tensor pixels_of(const Model& model, const std::vector<Scene>& scenes) {
  at::Tensor pixels = at::empty({static_cast<int64_t>(scenes.size()), 3, kSceneSide, kSceneSide},
                                at::kFloat, at::MemoryFormat::ChannelsLast);
  float* at = pixels.data_ptr<float>();
  for (const Scene& scene : scenes) {
    model.preprocess().to_floats(scene.picture, at);
    at += static_cast<ptrdiff_t>(kSceneSide) * kSceneSide * 3;
  }
  return pixels;
}

std::vector<std::vector<Truth>> truth_of(const std::vector<Scene>& scenes) {
  std::vector<std::vector<Truth>> truth;
  for (const Scene& scene : scenes) truth.push_back(scene.truth);
  return truth;
}

at::Tensor objects_tensor(const std::vector<std::vector<Truth>>& truth) {
  size_t most = 1;
  for (const auto& picture : truth) most = std::max(most, picture.size());
  at::Tensor objects =
      at::full({static_cast<int64_t>(truth.size()), static_cast<int64_t>(most), 5}, -1, at::kFloat);
  for (size_t i = 0; i < truth.size(); ++i) {
    float* row = objects[static_cast<int64_t>(i)].data_ptr<float>();
    for (const Truth& one : truth[i]) {
      for (const float value :
           {one.box.x0, one.box.y0, one.box.x1, one.box.y1, static_cast<float>(one.label)})
        *row++ = value;
    }
  }
  return objects;
}

std::pair<double, double> recall_and_precision(Model& model, const Detector& detector,
                                               const std::vector<Scene>& scenes) {
  std::vector<image::Image> pictures;
  for (const Scene& scene : scenes) pictures.push_back(scene.picture);
  const auto found = detect(model, detector, pictures, {.score = 0.5F});
  double right = 0, boxes = 0, objects = 0;
  for (size_t i = 0; i < scenes.size(); ++i) {
    boxes += static_cast<double>(found[i].size());
    objects += static_cast<double>(scenes[i].truth.size());
    for (const Truth& object : scenes[i].truth) {
      right += std::ranges::any_of(found[i], [&](const Detection& one) {
        return one.label == object.label && image::iou(one.box, object.box) > 0.6F;
      });
    }
  }
  return {right / objects, boxes > 0 ? right / boxes : 0};
}

}  // namespace graft::models::test
