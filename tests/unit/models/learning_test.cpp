#include <gtest/gtest.h>

#include "tests/unit/models/scenes.h"
#include "tests/unit/models/small_detectors.h"

/// Detectors that know nothing learn where rectangles are, and of which colour.
namespace graft::models::test {
namespace {

constexpr SmallSize kSize{kSceneSize};

class Learning : public testing::TestWithParam<SmallDetector> {};

TEST_P(Learning, RectanglesByHeart) {
  const SmallDetector& small = GetParam();
  expect_learned_by_heart(small.config(kSize), {.rate = small.rate, .steps = small.scene_steps});
}

INSTANTIATE_TEST_SUITE_P(Families, Learning, testing::ValuesIn(small_detectors()),
                         [](const auto& one) { return one.param.name; });

class DarknetLearning : public testing::TestWithParam<std::string> {};

TEST_P(DarknetLearning, RectanglesByHeartWithAnyLossOfBoxes) {
  expect_learned_by_heart(small_darknet(kSize, GetParam()),
                          {.scenes = make_scenes(8), .rate = 1e-2});
}

INSTANTIATE_TEST_SUITE_P(Losses, DarknetLearning, testing::Values("mse", "giou"),
                         [](const auto& loss) { return loss.param; });

}  // namespace
}  // namespace graft::models::test
