#include <filesystem>
#include <numeric>
#include <set>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/data/dataset.h"
#include "graft/data/stratify.h"
#include "tests/support/support.h"
#include "tests/unit/data/make.h"

namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;

/// 100 samples: 60 of class 0, 30 of class 1, 9 of class 2, 1 of class 3.
std::vector<int> uneven() {
  std::vector<int> labels(60, 0);
  labels.insert(labels.end(), 30, 1);
  labels.insert(labels.end(), 9, 2);
  labels.push_back(3);
  return labels;
}

Dataset divide(const SplitRule& rule, uint64_t seed = 1, const std::vector<Split>& splits = {}) {
  return make_dataset(std::make_shared<test::MadeSource>(uneven()), {"a", "b", "c", "d"}, splits,
                      Target::single_label, rule, seed);
}

std::string notes_of(const Dataset& set) {
  return std::accumulate(set.notes.begin(), set.notes.end(), std::string(),
                         [](const auto& text, const auto& note) { return text + note + "\n"; });
}

void expect_partition(const Dataset& set, int64_t all) {
  std::set<int64_t> seen;
  for (const View* view : set.views()) {
    seen.insert(view->indices.begin(), view->indices.end());
    EXPECT_TRUE(std::is_sorted(view->indices.begin(), view->indices.end()));
  }
  EXPECT_EQ(static_cast<int64_t>(seen.size()), all);
  EXPECT_EQ(set.train.size() + set.validation.size() + set.test.size(), all);
}

TEST(Stratify, ApportionIsWithinOneAndExactInSum) {
  for (int64_t total = 0; total <= 130; ++total) {
    const std::vector<int64_t> weights = {60, 30, 9, 1, 0};
    const auto shares = apportion(total, weights);
    EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), int64_t{0}), total);
    for (size_t i = 0; i < weights.size(); ++i) {
      EXPECT_LT(
          std::abs(static_cast<double>(shares[i]) - static_cast<double>(total * weights[i]) / 100),
          1)
          << total;
    }
  }
}

TEST(Splits, OneSetBecomes70And15And15) {
  const Dataset set = divide({});
  expect_partition(set, 100);
  EXPECT_EQ(set.test.size(), 15);
  EXPECT_EQ(set.validation.size(), 15);
  EXPECT_EQ(set.train.class_counts(4)[3], 1);  // the only one of its class is to be learned from
  for (const View* view : {&set.validation, &set.test}) {
    const auto counts = view->class_counts(4);
    EXPECT_NEAR(static_cast<double>(counts[0]), 9, 1);
    EXPECT_NEAR(static_cast<double>(counts[1]), 4.5, 1);
    EXPECT_NEAR(static_cast<double>(counts[2]), 1.35, 1);
  }
  EXPECT_NE(notes_of(set).find("(seed 1)"), std::string::npos) << notes_of(set);
}

TEST(Splits, DependOnTheSeedOnly) {
  EXPECT_EQ(divide({}, 3).test.indices, divide({}, 3).test.indices);
  EXPECT_NE(divide({}, 3).test.indices, divide({}, 4).test.indices);
  EXPECT_NE(divide({}, 3).test.indices, divide({}, 3).validation.indices);
}

TEST(Splits, GivenOnesAreUsed) {
  std::vector<Split> splits(100, Split::train);
  for (size_t i = 0; i < 100; i += 5) splits[i] = Split::test;
  const Dataset with_test = divide({}, 1, splits);
  expect_partition(with_test, 100);
  EXPECT_EQ(with_test.test.size(), 20);
  EXPECT_EQ(with_test.validation.size(), 12);  // 15 % of 80
  for (size_t i = 0; i < 100; i += 5) splits[i] = Split::validation;
  const Dataset with_validation = divide({}, 1, splits);
  EXPECT_EQ(with_validation.validation.size(), 20);
  EXPECT_EQ(with_validation.test.size(), 0);
  EXPECT_NE(notes_of(with_validation).find("no test split"), std::string::npos);
  SplitRule rule;
  rule.test = 0.25;
  EXPECT_EQ(divide(rule, 1, splits).test.size(), 20);  // a quarter of train's 80
}

TEST(Splits, SharesCanBeAskedFor) {
  SplitRule rule;
  rule.validation = 0.2;
  rule.test = 0;
  const Dataset set = divide(rule);
  EXPECT_EQ(set.validation.size(), 20);
  EXPECT_TRUE(set.test.empty());
  rule.validation = 0;
  EXPECT_NE(notes_of(divide(rule)).find("no validation split"), std::string::npos);
  rule.validation = 0.6;
  rule.test = 0.4;
  EXPECT_GRAFT_ERROR(divide(rule), ErrorCode::usage, "leave something");
}

TEST(Splits, FoldsCoverEverythingOnceAndAreEven) {
  std::vector<Split> splits(100, Split::train);
  splits[7] = Split::test;  // folds are over all samples of all splits
  std::vector<int64_t> tested;
  for (int fold = 0; fold < 7; ++fold) {
    SplitRule rule;
    rule.folds = 7;
    rule.fold = fold;
    const Dataset set = divide(rule, 1, splits);
    expect_partition(set, 100);
    EXPECT_NEAR(static_cast<double>(set.test.size()), 100.0 / 7, 1);
    EXPECT_NEAR(static_cast<double>(set.test.class_counts(4)[0]), 60.0 / 7, 1);
    EXPECT_NEAR(static_cast<double>(set.validation.size()), 0.15 * (100 - set.test.size()), 1);
    tested.insert(tested.end(), set.test.indices.begin(), set.test.indices.end());
  }
  std::sort(tested.begin(), tested.end());
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(tested[static_cast<size_t>(i)], i);
  SplitRule wrong;
  wrong.folds = 5;
  wrong.fold = 5;
  EXPECT_GRAFT_ERROR(divide(wrong), ErrorCode::usage, "data.fold");
}

TEST(Splits, FractionKeepsAPartOfEachClassAndSmallerPartsLieInLargerOnes) {
  const Dataset full = divide({});
  std::vector<int64_t> larger = full.train.indices;
  for (const double fraction : {0.5, 0.25, 0.1}) {
    SplitRule rule;
    rule.fraction = fraction;
    const Dataset part = divide(rule);
    EXPECT_EQ(part.test.indices, full.test.indices);
    EXPECT_EQ(part.validation.indices, full.validation.indices);
    EXPECT_TRUE(std::includes(larger.begin(), larger.end(), part.train.indices.begin(),
                              part.train.indices.end()));
    const auto all = full.train.class_counts(4);
    const auto kept = part.train.class_counts(4);
    for (size_t c = 0; c < 4; ++c) {
      EXPECT_GE(kept[c], 1);
      EXPECT_NEAR(static_cast<double>(kept[c]), fraction * static_cast<double>(all[c]), 1);
    }
    larger = part.train.indices;
  }
}

TEST(Splits, SeveralLabelsAreStratifiedByTheRarest) {
  const View view = test::whole(std::make_shared<test::MadeSource>(std::vector<int>{0, 0, 1}));
  EXPECT_EQ(view.strata(2), (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(view.labels(), (std::vector<int>{0, 0, 1}));
}

TEST(OpenDataset, AFolderAndWhatIsSaidAboutIt) {
  const ScratchDir dir;
  test::write_folder(dir / "d", {"cat", "dog"}, 10);
  const Dataset set = open_dataset((dir / "d").string(), 5);
  EXPECT_EQ(set.classes, (std::vector<std::string>{"cat", "dog"}));
  expect_partition(set, 20);
  EXPECT_EQ(set.test.class_counts(2)[0] + set.test.class_counts(2)[1], 3);
  EXPECT_GRAFT_ERROR(open_dataset(Json{{"path", (dir / "d").string()}, {"foldz", 3}}, 5),
                     ErrorCode::usage, "did you mean 'folds'");
  EXPECT_GRAFT_ERROR(open_dataset(Json::object(), 5), ErrorCode::usage, "data needs a path");
  EXPECT_GRAFT_ERROR(open_dataset(Json{{"path", (dir / "d").string()}, {"train", "x"}}, 5),
                     ErrorCode::usage, "exclude each other");
  EXPECT_GRAFT_ERROR(open_dataset(Json{{"test", (dir / "d").string()}}, 5), ErrorCode::usage,
                     "data needs a path");
  EXPECT_GRAFT_ERROR(open_dataset(Json{{"path", (dir / "d").string()}, {"folds", 3}}, 5),
                     ErrorCode::usage, "given together");
}

TEST(OpenDataset, SplitsThatLieApart) {
  const ScratchDir dir;
  test::write_folder(dir / "one", {"cat", "dog"}, 10, 1);
  test::write_folder(dir / "two", {"dog"}, 4, 2);
  const Dataset set =
      open_dataset(Json{{"train", (dir / "one").string()}, {"test", (dir / "two").string()}}, 5);
  EXPECT_EQ(set.test.size(), 4);
  EXPECT_EQ(set.validation.size(), 3);
  EXPECT_EQ(set.test.label(0), 1);  // "dog", although the only class of its folder
  EXPECT_EQ(set.test.sample(0).id, "test/dog/000.png");
  EXPECT_EQ(set.test.load(0), test::picture(24, 20, hash_key({2, 0, 0})));
}

TEST(OpenDataset, AFolderWithAFileForEachSplit) {
  const ScratchDir dir;
  test::write_folder(dir / "d" / "img", {"x"}, 6);
  write_text(dir / "d" / "train.csv",
             "path,label\nimg/x/000.png,a\nimg/x/001.png,b\nimg/x/002.png,a\nimg/x/003.png,b\n");
  write_text(dir / "d" / "val.csv", "path,label\nimg/x/004.png,b\n");
  write_text(dir / "d" / "test.csv", "path,label\nimg/x/005.png,b\n");
  const Dataset set = open_dataset((dir / "d").string(), 5);
  EXPECT_EQ(set.train.size(), 4);
  EXPECT_EQ(set.validation.sample(0).id, "validation/img/x/004.png");
  EXPECT_EQ(set.test.label(0), 1);
  write_text(dir / "d" / "valid.csv", "path,label\nimg/x/004.png,b\n");
  EXPECT_GRAFT_ERROR(open_dataset((dir / "d").string(), 5), ErrorCode::unreadable,
                     "two files for one split");
}

TEST(OpenDataset, AClassThatTrainingLacks) {
  const ScratchDir dir;
  test::write_folder(dir / "d" / "train", {"cat", "dog"}, 5);
  test::write_folder(dir / "d" / "validation", {"cat", "dgo"}, 2);
  EXPECT_GRAFT_ERROR(open_dataset((dir / "d").string(), 5), ErrorCode::unreadable,
                     "the validation split has 1 class(es) that training lacks: dgo");
  const Dataset set =
      open_dataset(Json{{"path", (dir / "d").string()}, {"classes", {"dog", "cat", "dgo"}}}, 5);
  EXPECT_EQ(set.classes, (std::vector<std::string>{"dog", "cat", "dgo"}));
  EXPECT_EQ(set.train.label(0), 1);
  EXPECT_EQ(set.validation.size(), 4);
}

TEST(OpenDataset, GivenClassesRestrict) {
  const ScratchDir dir;
  test::write_folder(dir / "d", {"ant", "bee", "cow"}, 10);
  const Dataset set =
      open_dataset(Json{{"path", (dir / "d").string()}, {"classes", {"cow", "ant"}}}, 5);
  expect_partition(set, 20);
  EXPECT_NE(notes_of(set).find("10 samples of classes"), std::string::npos) << notes_of(set);
  for (int64_t i = 0; i < set.train.size(); ++i) {
    EXPECT_EQ(set.train.label(i), set.train.sample(i).id.starts_with("cow") ? 0 : 1);
    const uint64_t c = set.train.label(i) == 0 ? 2 : 0;
    const auto number = static_cast<uint64_t>(std::stoi(set.train.sample(i).id.substr(4, 3)));
    EXPECT_EQ(set.train.load(i), test::picture(24, 20, hash_key({0, c, number})));
  }
  EXPECT_GRAFT_ERROR(open_dataset(Json{{"path", (dir / "d").string()}, {"classes", {"fly"}}}, 5),
                     ErrorCode::unreadable, "no sample");
  EXPECT_GRAFT_ERROR(
      open_dataset(Json{{"path", (dir / "d").string()}, {"classes", {"ant", "ant"}}}, 5),
      ErrorCode::usage, "none twice");
}

}  // namespace
}  // namespace graft::data
