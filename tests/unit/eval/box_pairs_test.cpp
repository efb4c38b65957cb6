#include "graft/eval/box_pairs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graft/base/rng.h"
#include "graft/eval/detection.h"

namespace graft::eval {
namespace {

constexpr MeasuredBox kHere{10, 10, 20, 20}, kNear{12, 10, 20, 20}, kAway{200, 200, 20, 20};

TrueBox object(const MeasuredBox& box, int label) {
  return {box, label, box.area()};
}

using Fates = std::vector<Fate>;

TEST(BoxPairs, TellsRightFromConfusedAndAlone) {
  const std::vector<TrueBox> truth{object(kHere, 0), object(kAway, 1)};
  const BoxPairs pairs =
      pair_boxes(truth, {{kNear, 0, 0.9}, {kAway, 0, 0.8}, {kHere, 0, 0.7}, {kHere, 0, 0.2}}, 0.5);
  EXPECT_EQ(pairs.fates, (Fates{Fate::right, Fate::confused, Fate::alone, Fate::dropped}));
  EXPECT_EQ(pairs.object_of, (std::vector<int>{0, 1, BoxPairs::kNone, BoxPairs::kNone}));
  EXPECT_EQ(pairs.box_of, (std::vector<int>{0, 1}));
  EXPECT_FALSE(pairs.is_missed(truth, 1)) << "it has a box, of another class";
}

TEST(BoxPairs, AWrongClassTakesNoObjectAwayFromTheRightOne) {
  const BoxPairs pairs = pair_boxes({object(kHere, 0)}, {{kHere, 1, 0.9}, {kNear, 0, 0.6}}, 0.5);
  EXPECT_EQ(pairs.fates, (Fates{Fate::alone, Fate::right}));
}

TEST(BoxPairs, TheBestScoreComesFirstAndTheThresholdBelongsToIt) {
  const std::vector<TrueBox> truth{object(kHere, 0)};
  const std::vector<FoundBox> found{{kNear, 0, 0.5}, {kHere, 0, 0.6}};
  EXPECT_EQ(pair_boxes(truth, found, 0.5).fates, (Fates{Fate::alone, Fate::right}));
  EXPECT_EQ(pair_boxes(truth, found, 0.55).fates, (Fates{Fate::dropped, Fate::right}));
  const BoxPairs none = pair_boxes(truth, found, 0.7);
  EXPECT_TRUE(none.is_missed(truth, 0));
}

TEST(BoxPairs, CrowdsAndDifficultObjectsAreNeitherFoundNorMissed) {
  std::vector<TrueBox> truth{object({0, 0, 100, 100}, 0), object(kAway, 0)};
  truth[0].crowd = true;
  truth[1].difficult = true;
  const BoxPairs pairs = pair_boxes(
      truth, {{kHere, 0, 0.9}, {kNear, 0, 0.8}, {kAway, 0, 0.7}, {kAway, 0, 0.6}, {kHere, 1, 0.5}},
      0.1);
  EXPECT_EQ(pairs.fates,
            (Fates{Fate::ignored, Fate::ignored, Fate::ignored, Fate::alone, Fate::alone}));
  const BoxPairs none = pair_boxes(truth, {}, 0.1);
  for (size_t i = 0; i < truth.size(); ++i) EXPECT_FALSE(none.is_missed(truth, i));
}

TEST(BoxPairs, NothingOfWhatIsNoNumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const BoxPairs pairs = pair_boxes({object({nan, 0, 5, 5}, 0)}, {{{0, 0, 5, 5}, 0, nan}}, 0);
  EXPECT_EQ(pairs.fates, Fates{Fate::dropped});
  EXPECT_TRUE(pair_boxes({}, {}, 0).fates.empty());
}

/// Boxes on few places, so that many overlap.
struct Picture {
  std::vector<TrueBox> truth;
  std::vector<FoundBox> found;
};
Picture random_picture(uint64_t seed) {
  Rng rng({seed, 77});
  const auto place = [&]() -> MeasuredBox {
    return {double(rng.below(40)), double(rng.below(40)), double(10 + rng.below(30)),
            double(10 + rng.below(30))};
  };
  Picture picture;
  for (int i = 0; i < 12; ++i) {
    TrueBox one = object(place(), static_cast<int>(rng.below(3)));
    one.crowd = rng.below(8) == 0;
    one.difficult = rng.below(8) == 0;
    picture.truth.push_back(one);
    MeasuredBox box = rng.below(2) ? one.box : place();
    box.x += double(rng.below(5));
    picture.found.push_back({box, static_cast<int>(rng.below(3)), double(rng.below(10)) / 10});
  }
  return picture;
}

TEST(BoxPairs, CountsWhatTheMeasureCounts) {
  int64_t confused = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Picture picture = random_picture(seed);
    std::vector<FoundBox> kept;
    for (const FoundBox& box : picture.found) {
      if (box.score >= 0.3) kept.push_back(box);
    }
    int64_t right = 0, counted = 0;
    for (int label = 0; label < 3; ++label) {
      std::vector<TrueBox> truth;
      std::vector<FoundBox> found;
      std::copy_if(picture.truth.begin(), picture.truth.end(), std::back_inserter(truth),
                   [&](const TrueBox& o) { return o.label == label; });
      std::copy_if(kept.begin(), kept.end(), std::back_inserter(found),
                   [&](const FoundBox& b) { return b.label == label; });
      for (const Verdict& verdict : judge(truth, found)) {
        if (verdict.ignored[0] & 1U) continue;
        ++counted;
        right += verdict.hit[0] & 1U;
      }
    }
    const BoxPairs pairs = pair_boxes(picture.truth, picture.found, 0.3);
    const auto with = [&](Fate fate) {
      return std::count(pairs.fates.begin(), pairs.fates.end(), fate);
    };
    EXPECT_EQ(with(Fate::right), right) << seed;
    EXPECT_EQ(with(Fate::right) + with(Fate::confused) + with(Fate::alone), counted) << seed;
    confused += with(Fate::confused);
    for (size_t b = 0; b < picture.found.size(); ++b) {
      const int o = pairs.object_of[b];
      const bool has = o != BoxPairs::kNone;
      EXPECT_EQ(has, pairs.fates[b] != Fate::dropped && pairs.fates[b] != Fate::alone);
      if (!has || picture.truth[size_t(o)].crowd) continue;
      EXPECT_EQ(pairs.box_of[size_t(o)], int(b)) << "an object has one box";
      const bool same = picture.truth[size_t(o)].label == picture.found[b].label;
      EXPECT_EQ(same, pairs.fates[b] != Fate::confused);
    }
  }
  EXPECT_GT(confused, 50);
}

}  // namespace
}  // namespace graft::eval
