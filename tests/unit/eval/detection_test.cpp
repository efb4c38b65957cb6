#include "graft/eval/detection.h"

#include <algorithm>
#include <cmath>

#include "graft/base/rng.h"
#include "tests/support/support.h"

namespace graft::eval {
namespace {

TrueBox true_box(const Json& row) {
  return {{row[1], row[2], row[3], row[4]}, row[0], row[5], row[6] == 1};
}

FoundBox found_box(const Json& row) {
  return {{row[1], row[2], row[3], row[4]}, row[0], row[5]};
}

DetectionMetric measured(const Json& set) {
  std::vector<std::string> names;
  for (int c = 0; c < set["classes"].get<int>(); ++c) names.push_back(std::to_string(c));
  DetectionMetric metric(names);
  for (const Json& image : set["images"]) {
    PictureBoxes picture;
    for (const Json& row : image[1]) picture.truth.push_back(true_box(row));
    for (const Json& row : image[2]) picture.found.push_back(found_box(row));
    metric.add(image[0], picture);
  }
  return metric;
}

/// pycocotools and the golden file say -1 where nothing is defined.
void expect_near(double value, double expected, const std::string& what) {
  if (expected == -1) {
    EXPECT_TRUE(std::isnan(value)) << what << " is " << value;
  } else {
    EXPECT_NEAR(value, expected, 1e-9) << what;
  }
}

Json golden_sets() {
  return read_json(test::source_dir() / "tests/golden/detection/random.json")["sets"];
}

TEST(Detection, TheTwelveFiguresAreThoseOfPycocotools) {
  const Json sets = golden_sets();
  ASSERT_EQ(sets.size(), 13U);
  for (const Json& set : sets) {
    SCOPED_TRACE(set["name"]);
    const BoxScores scores = measured(set).scores();
    const auto named = scores.figures.named();
    ASSERT_EQ(named.size(), 14U);
    for (size_t i = 0; i < 12; ++i) expect_near(named[i].second, set["stats"][i], named[i].first);
    for (size_t c = 0; c < scores.classes.size(); ++c)
      expect_near(scores.classes[c].figures.ap, set["per_class"][c], "class " + std::to_string(c));
  }
}

TEST(Detection, CurvesAndScoresAreThoseOfPycocotools) {
  for (const Json& set : golden_sets()) {
    SCOPED_TRACE(set["name"]);
    const DetectionMetric metric = measured(set);
    for (int c = 0; c < set["classes"].get<int>(); ++c) {
      for (size_t t = 0; t < kOverlaps.size(); ++t) {
        const PrecisionCurve curve = metric.curve(c, t);
        for (size_t r = 0; r < 11; ++r) {
          const double precision = set["precision"][t][r][static_cast<size_t>(c)];
          EXPECT_NEAR(curve.precision[10 * r], std::max(precision, 0.0), 1e-8);
          // At recall 0 pycocotools has the score of the first box even if that is ignored.
          const double score = set["scores"][t][r][static_cast<size_t>(c)];
          if (r > 0) EXPECT_NEAR(curve.score[10 * r], std::max(score, 0.0), 1e-8);
        }
      }
    }
  }
}

TEST(Detection, AveragePrecisionOfVocIsThatOfItsDevelopmentKit) {
  for (const Json& set : golden_sets()) {
    SCOPED_TRACE(set["name"]);
    const BoxScores scores = measured(set).scores();
    for (size_t c = 0; c < scores.classes.size(); ++c) {
      expect_near(scores.classes[c].figures.voc07, set["voc"][c][0], "eleven points");
      expect_near(scores.classes[c].figures.voc, set["voc"][c][1], "all points");
    }
  }
}

TEST(Detection, TheOrderInWhichPicturesComeDoesNotMatter) {
  Rng rng{4};
  for (Json set : golden_sets()) {
    SCOPED_TRACE(set["name"]);
    const Json before = to_json(measured(set).scores());
    std::vector<Json> images(set["images"].begin(), set["images"].end());
    rng.shuffle(images);
    set["images"] = images;
    EXPECT_EQ(to_json(measured(set).scores()), before);
  }
}

TEST(Detection, DifficultObjectsNeedNotBeFound) {
  const MeasuredBox place{10, 10, 50, 50};
  const MeasuredBox other{200, 10, 50, 50};
  DetectionMetric metric({"dog"});
  metric.add(
      1, {{{place, 0, 2500, false, true}, {other, 0, 2500}}, {{place, 0, 0.9}, {other, 0, 0.8}}});
  const BoxScores scores = metric.scores();
  EXPECT_EQ(scores.objects, 1);
  EXPECT_EQ(scores.ignored, 1);
  EXPECT_EQ(scores.found, 1);  // the one on the difficult object does not count
  EXPECT_NEAR(scores.figures.ap, 1, 1e-9);
  EXPECT_NEAR(scores.figures.voc, 1, 1e-9);
}

TEST(Detection, ASecondBoxOnAnObjectIsWrong) {
  const MeasuredBox place{10, 10, 50, 50};
  DetectionMetric metric({"dog"});
  metric.add(1, {{{place, 0, 2500}}, {{place, 0, 0.9}, {place, 0, 0.8}}});
  metric.add(2, {{{place, 0, 2500}}, {{place, 0, 0.7}}});
  const BoxScores scores = metric.scores();
  // Recall 1/2 with precision 1, then 2 of 3.
  EXPECT_NEAR(scores.figures.ap50, (51 * 1 + 50 * 2.0 / 3) / 101, 1e-9);
  EXPECT_NEAR(scores.figures.voc, 0.5 + 0.5 * 2 / 3, 1e-9);
}

TEST(Detection, TheBestThresholdKeepsEqualScoresTogether) {
  const std::vector<Scored> scored = {
      {0.9, true}, {0.5, true}, {0.5, false}, {0.3, false}, {0.2, true}};
  // At 0.9: 2/(1+4); at 0.5: 4/(3+4); at 0.3: 4/8; at 0.2: 6/9.
  const WorkingPoint best = best_f1(scored, 4);
  EXPECT_EQ(best.threshold, 0.2);
  EXPECT_DOUBLE_EQ(best.f1, 6.0 / 9);
  EXPECT_DOUBLE_EQ(best.precision, 3.0 / 5);
  EXPECT_DOUBLE_EQ(best.recall, 3.0 / 4);
  EXPECT_EQ(best_f1({{0.9, true}, {0.5, true}, {0.5, false}}, 2).threshold, 0.5);
  EXPECT_TRUE(std::isnan(best_f1({{0.9, false}}, 2).threshold));
  EXPECT_TRUE(std::isnan(best_f1({}, 2).f1));
}

TEST(Detection, OneThresholdServesAllClasses) {
  const MeasuredBox place{10, 10, 50, 50};
  const MeasuredBox nowhere{300, 10, 50, 50};
  DetectionMetric metric({"cat", "dog", "none"});
  metric.add(1, {{{place, 0, 2500}, {place, 1, 2500}},
                 {{place, 0, 0.9}, {place, 1, 0.4}, {nowhere, 0, 0.3}, {nowhere, 2, 0.5}}});
  const BoxScores scores = metric.scores();
  EXPECT_EQ(scores.classes[0].best.threshold, 0.9);
  EXPECT_EQ(scores.classes[1].best.threshold, 0.4);
  EXPECT_TRUE(std::isnan(scores.classes[2].best.threshold));
  EXPECT_EQ(scores.best.threshold, 0.4);
  EXPECT_EQ(metric.best().threshold, 0.4);
  EXPECT_DOUBLE_EQ(scores.best.precision, 2.0 / 3);  // the box of a class without objects is wrong
  EXPECT_DOUBLE_EQ(scores.best.recall, 1);
  EXPECT_NEAR(scores.figures.ap50, 1, 1e-9);  // but no class without objects has a mean
}

TEST(Detection, WhatIsUndefinedIsNullInJson) {
  EXPECT_TRUE(std::isnan(DetectionMetric({"dog"}).best().threshold));
  const Json json = to_json(DetectionMetric({"dog"}).scores());
  EXPECT_TRUE(json["metrics"]["AP"].is_null());
  EXPECT_TRUE(json["best_f1"]["score"].is_null());
  EXPECT_EQ(json["per_class"][0]["class"], "dog");
  EXPECT_EQ(json["images"], 0);
}

}  // namespace
}  // namespace graft::eval
