#pragma once

#include <string>
#include <vector>

#include "graft/models/detector.h"

/// Pictures whose objects a small detector can learn by heart.
namespace graft::models::test {

struct Scene {
  image::Image picture;
  std::vector<Truth> truth;
};

inline constexpr image::Dimensions kSceneSize{64, 64};  // pixels

/// Up to three rectangles of three colours, the classes, that do not meet, on noise.
Scene make_scene(uint64_t number);
std::vector<Scene> make_scenes(uint64_t count);

/// As the model wants them: [N, 3, H, W]. Pictures must have the size that it works with.
at::Tensor pixels_of(const Model& model, const std::vector<Scene>& scenes);
std::vector<std::vector<Truth>> truth_of(const std::vector<Scene>& scenes);
/// As objects travel along a chain: [pictures, most, 5], corners and label; the label -1 pads.
at::Tensor objects_tensor(const std::vector<std::vector<Truth>>& truth);

/// What a detector learns by heart, all pictures in each step.
struct Lesson {
  std::vector<Scene> scenes = make_scenes(4);
  std::vector<std::string> classes = {"red", "green", "blue"};
  double rate = 2e-3;  ///< AdamW's; warmed up at first, falling to 0 in the end
  int steps = 200;
  float score = 0.5F;  ///< only boxes that are surer count
};

/// A model of that config with random weights takes the lesson; then its AP50 on the same pictures
/// is at least 0.9.
void expect_learned_by_heart(const Json& config, const Lesson& lesson);

}  // namespace graft::models::test
