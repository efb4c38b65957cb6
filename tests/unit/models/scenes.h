#pragma once

#include <utility>
#include <vector>

#include "graft/models/detector.h"

/// Made pictures in which a small detector can learn objects by heart.
namespace graft::models::test {

struct Scene {
  image::Image picture;
  std::vector<Truth> truth;
};

inline constexpr int kSceneSide = 64;  // pixels

/// Up to three rectangles of three colours, the classes, that do not meet, on noise.
Scene make_scene(uint64_t number);
std::vector<Scene> make_scenes(uint64_t count);

/// As the model wants them: [N, 3, 64, 64]. Its preprocessing must have that size.
at::Tensor pixels_of(const Model& model, const std::vector<Scene>& scenes);
std::vector<std::vector<Truth>> truth_of(const std::vector<Scene>& scenes);
/// As objects travel along a chain: [pictures, most, 5], corners and label; the label -1 pads.
at::Tensor objects_tensor(const std::vector<std::vector<Truth>>& truth);

/// The share of objects that are found, and of boxes that are right.
std::pair<double, double> recall_and_precision(Model& model, const Detector& detector,
                                               const std::vector<Scene>& scenes);

}  // namespace graft::models::test
