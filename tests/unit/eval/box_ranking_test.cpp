#include <gtest/gtest.h>

#include <algorithm>

#include "graft/base/rng.h"
#include "graft/eval/box_ranking.h"
#include "graft/eval/detection.h"

namespace graft::eval {
namespace {

constexpr size_t kClasses = 3;

MeasuredBox random_box(Rng& rng) {
  return {rng.uniform(0, 80), rng.uniform(0, 80), rng.uniform(5, 60), rng.uniform(5, 60)};
}

/// Objects, crowds and boxes near and far, which have scores of other pictures; the third class has
/// no object.
PictureBoxes random_picture(uint64_t number) {
  Rng rng{17, number};
  PictureBoxes picture;
  const uint64_t objects = rng.below(6);
  const auto score = [&] {
    return static_cast<double>(rng.below(20)) / 20 +
           1e-3 * static_cast<double>(picture.found.size());
  };
  for (uint64_t k = 0; k < objects; ++k) {
    TrueBox object{random_box(rng), static_cast<int>(rng.below(kClasses - 1))};
    object.area = object.box.area();
    object.crowd = rng.chance(0.1);
    object.difficult = rng.chance(0.1);
    picture.truth.push_back(object);
    MeasuredBox near = object.box;
    near.x += rng.uniform(-6, 6);
    near.width *= rng.uniform(0.8, 1.2);
    picture.found.push_back({near, object.label, score()});
  }
  const uint64_t wrong = rng.below(5);
  for (uint64_t k = 0; k < wrong; ++k) {
    picture.found.push_back({random_box(rng), static_cast<int>(rng.below(kClasses)), score()});
  }
  return picture;
}

BoxFigures figures_of(const std::vector<PictureBoxes>& pictures,
                      const std::vector<int64_t>& drawn) {
  DetectionMetric metric({"a", "b", "c"});
  for (const int64_t i : drawn) metric.add(i, pictures[static_cast<size_t>(i)]);
  return metric.scores().figures;
}

TEST(BoxRanking, IsTheMeasureOfTheDrawnPictures) {
  std::vector<PictureBoxes> pictures;
  for (uint64_t i = 0; i < 40; ++i) pictures.push_back(random_picture(i));
  const BoxRanking ranking(kClasses, pictures);
  Rng rng{4};
  for (int draw = 0; draw < 20; ++draw) {
    std::vector<int64_t> drawn;
    for (int k = 0; k < 40; ++k) drawn.push_back(static_cast<int64_t>(rng.below(40)));
    std::sort(drawn.begin(), drawn.end());  // among equal scores the order is that of the pictures
    const BoxFigures figures = figures_of(pictures, drawn);
    EXPECT_NEAR(ranking.average_precision(drawn, 0, 9), figures.ap, 1e-12);
    EXPECT_NEAR(ranking.average_precision(drawn, 0, 0), figures.ap50, 1e-12);
    EXPECT_NEAR(ranking.average_precision(drawn, 5, 5), figures.ap75, 1e-12);
  }
}

TEST(BoxRanking, WithoutObjectsIsZero) {
  PictureBoxes picture;
  picture.found.push_back({{0, 0, 10, 10}, 0, 0.9});
  const BoxRanking ranking(kClasses, {picture, {}});
  EXPECT_EQ(ranking.average_precision({0, 1}, 0, 9), 0);
}

TEST(BoxRanking, LooksAtAHundredBoxesOfAClassInAPicture) {
  PictureBoxes picture;
  picture.truth.push_back({{0, 0, 10, 10}, 0, 100});
  for (int k = 0; k < 100; ++k) picture.found.push_back({{50, 50, 10, 10}, 0, 0.9});
  picture.found.push_back({{0, 0, 10, 10}, 0, 0.5});  // the 101st
  EXPECT_EQ(BoxRanking(kClasses, {picture}).average_precision({0}, 0, 0), 0);
  picture.found.erase(picture.found.begin());
  EXPECT_NEAR(BoxRanking(kClasses, {picture}).average_precision({0}, 0, 0), 0.01, 1e-9);
}

}  // namespace
}  // namespace graft::eval
