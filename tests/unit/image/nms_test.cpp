#include "graft/image/nms.h"

#include <gtest/gtest.h>

namespace graft::image {
namespace {

TEST(Nms, DropsWhatOverlapsABetterOneOfItsLabel) {
  const std::vector<Box> boxes{{0, 0, 10, 10}, {1, 0, 11, 10}, {1, 0, 11, 10}, {8, 0, 18, 10}};
  const std::vector<float> scores{0.5F, 0.9F, 0.8F, 0.7F};
  EXPECT_EQ(suppress(boxes, scores, {0, 0, 1, 0}, 0.45F), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(suppress(boxes, scores, {0, 0, 0, 0}, 0.45F), (std::vector<int>{1, 3}));
  EXPECT_EQ(suppress(boxes, scores, {0, 0, 1, 0}, 1.F), (std::vector<int>{1, 2, 3, 0}));
  EXPECT_TRUE(suppress({}, {}, {}, 0.5F).empty());
}

TEST(Nms, ABoxThatWasDroppedDropsNoOther) {
  // The middle one overlaps both, which do not overlap each other.
  const std::vector<Box> boxes{{0, 0, 10, 10}, {4, 0, 14, 10}, {8, 0, 18, 10}};
  EXPECT_EQ(suppress(boxes, {0.9F, 0.8F, 0.7F}, {0, 0, 0}, 0.3F), (std::vector<int>{0, 2}));
}

TEST(Nms, TheThresholdItselfAndTiesStay) {
  const std::vector<Box> boxes{{0, 0, 10, 10}, {0, 0, 10, 5}};
  EXPECT_EQ(suppress(boxes, {0.5F, 0.5F}, {0, 0}, 0.5F), (std::vector<int>{0, 1}));
}

}  // namespace
}  // namespace graft::image
