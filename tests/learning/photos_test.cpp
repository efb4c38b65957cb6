#include <gtest/gtest.h>

#include "graft/data/dataset.h"
#include "graft/image/resize.h"
#include "tests/support/support.h"
#include "tests/unit/models/scenes.h"
#include "tests/unit/models/small_detectors.h"

/// Detectors that know nothing learn eight photos of blood cells by heart (BCCD, MIT licence): many
/// objects that touch, from 6 pixels on.
namespace graft::models::test {
namespace {

constexpr const char* kPhotos = "data/bccd";
constexpr int64_t kCount = 8;
/// A fifth of their 640 x 480.
constexpr SmallSize kSize{.input = {128, 96}, .objects = 32, .times = 2};

Scene reduced(const image::Image& photo, const std::vector<image::BoxLabel>& boxes) {
  const auto [width, height] = kSize.input;
  Scene scene{image::resize(photo, width, height, image::Filter::bilinear), {}};
  const float x = static_cast<float>(width) / static_cast<float>(photo.width);
  const float y = static_cast<float>(height) / static_cast<float>(photo.height);
  for (const image::BoxLabel& one : boxes)
    scene.truth.push_back({image::moved(one.box, x, y, 0, 0), one.label});
  return scene;
}

Lesson photos() {
  const data::Dataset data =
      data::open_dataset((graft::test::shared_dir() / kPhotos).string(), /*seed=*/0);
  Lesson lesson{.scenes = {}, .classes = data.classes, .score = 0.05F};
  for (int64_t i = 0; i < kCount; ++i)
    lesson.scenes.push_back(reduced(data.train.load(i), data.train.sample(i).boxes));
  return lesson;
}

class LearningPhotos : public testing::TestWithParam<SmallDetector> {};

TEST_P(LearningPhotos, ByHeart) {
  GRAFT_NEEDS_SHARED(kPhotos);
  const SmallDetector& small = GetParam();
  Lesson lesson = photos();
  lesson.rate = small.rate;
  lesson.steps = small.photo_steps;
  expect_learned_by_heart(small.config(kSize), lesson);
}

INSTANTIATE_TEST_SUITE_P(Families, LearningPhotos, testing::ValuesIn(small_detectors()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace graft::models::test
