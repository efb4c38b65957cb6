#include <cmath>

#include "graft/base/error.h"
#include "graft/data/check.h"
#include "graft/data/dataset.h"
#include "tests/support/support.h"

namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::shared_dir;
using graft::test::write_text;
using Names = std::vector<std::string>;

std::string shared(const std::string& name) {
  return (shared_dir() / "data" / name).string();
}

std::string notes(const Dataset& set) {
  std::string text;
  for (const auto& note : set.notes) text += note + "\n";
  return text;
}

TEST(TextDataset, SplitsAreFoundInTheNamesOfFiles) {
  const ScratchDir dir;
  write_text(dir / "my_train-v2.jsonl",
             "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\",\"label\":0}\n");
  write_text(dir / "my_dev-v2.tsv", "c\t1\n");
  write_text(dir / "my_test.json", "[{\"text\":\"d\",\"label\":0}]");
  write_text(dir / "readme_train.md", "nothing\n");
  write_text(dir / "train_test.tsv", "x\t1\n");
  const Dataset set = open_dataset(dir.path().string(), 1);
  EXPECT_EQ(set.train.size(), 2);
  EXPECT_EQ(set.validation.text(0).first, "c");
  EXPECT_EQ(set.test.text(0).first, "d");
  EXPECT_EQ(set.test.sample(0).id, "test/record:1");
  EXPECT_TRUE(std::isnan(set.train.sample(0).value));
  write_text(dir / "train.csv", "text,label\nx,1\n");
  EXPECT_GRAFT_ERROR(open_dataset(dir.path().string(), 1), ErrorCode::unreadable,
                     "two files for one split");
}

TEST(TextDataset, RegressionHoldsForAllSplits) {
  const ScratchDir dir;
  write_text(dir / "train.tsv", "a\t1.5\nb\t2\nc\t3\nd\t4\n");
  write_text(dir / "test.tsv", "e\t1\nf\t2\n");
  const Dataset set = open_dataset(dir.path().string(), 1);
  EXPECT_TRUE(set.regression());
  EXPECT_EQ(set.classes, Names{"value"});
  EXPECT_FLOAT_EQ(set.test.sample(1).value, 2);
  EXPECT_TRUE(set.test.sample(1).labels.empty());
  EXPECT_EQ(set.validation.size(), 1);
  const Dataset classes = open_dataset(
      Json{{"path", (dir / "train.tsv").string()}, {"labels", "classes"}, {"split", {{"test", 0}}}},
      1);
  EXPECT_FALSE(classes.regression());
  EXPECT_EQ(classes.classes, (Names{"1.5", "2", "3", "4"}));
  const Dataset whole =
      open_dataset(Json{{"path", (dir / "test.tsv").string()}, {"labels", "regression"}}, 1);
  EXPECT_TRUE(whole.regression());
  write_text(dir / "test.tsv", "e\tgood\n");
  EXPECT_GRAFT_ERROR(open_dataset(dir.path().string(), 1), ErrorCode::unreadable,
                     "test/line:1 has 'good'");
}

TEST(TextDataset, NumbersGetTheNamesThatAreGiven) {
  const ScratchDir dir;
  write_text(dir / "t.tsv", "a\t1\nb\t2\nc\t3\nd\t1\ne\t2\nf\t3\n");
  const Json from_one = {{"path", (dir / "t.tsv").string()},
                         {"classes", {"x", "y", "z"}},
                         {"split", {{"validation", 0}, {"test", 0}}}};
  const Dataset set = open_dataset(from_one, 1);
  EXPECT_EQ(set.train.labels(), (std::vector<int>{0, 1, 2, 0, 1, 2}));
  EXPECT_NE(notes(set).find("as data.classes says"), std::string::npos);
  Json some = from_one;
  some["classes"] = {"3", "1"};
  EXPECT_EQ(open_dataset(some, 1).train.labels(), (std::vector<int>{1, 0, 1, 0}));
  some["classes"] = {"x", "y"};
  EXPECT_GRAFT_ERROR(open_dataset(some, 1), ErrorCode::unreadable, "no sample has a class");
}

TEST(TextDataset, TextsAndPicturesDoNotMix) {
  const ScratchDir dir;
  write_text(dir / "t.tsv", "a\t1\nb\t2\n");
  write_text(dir / "p" / "1" / "x.png", "no matter");
  EXPECT_GRAFT_ERROR(
      open_dataset(Json{{"train", (dir / "t.tsv").string()}, {"test", (dir / "p").string()}}, 1),
      ErrorCode::unreadable, "mix pictures and texts");
}

TEST(SharedTexts, Sst2) {
  GRAFT_NEEDS_SHARED("data/sst2");
  const Dataset set = open_dataset(shared("sst2"), 1);
  EXPECT_EQ(set.classes, (Names{"0", "1"}));
  EXPECT_EQ(set.train.size(), 6920);
  EXPECT_EQ(set.validation.size(), 872);
  EXPECT_EQ(set.test.size(), 1821);
  EXPECT_EQ(set.train.class_counts(2), (std::vector<int64_t>{3310, 3610}));
  EXPECT_EQ(set.test.class_counts(2), (std::vector<int64_t>{912, 909}));
  EXPECT_EQ(set.validation.text(0).first, "one long string of cliches");
}

TEST(SharedTexts, Trec) {
  GRAFT_NEEDS_SHARED("data/trec");
  const Dataset set = open_dataset(shared("trec"), 1);
  EXPECT_EQ(set.classes, (Names{"ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"}));
  EXPECT_EQ(set.train.size() + set.validation.size(), 5452);
  EXPECT_EQ(set.test.size(), 500);
  EXPECT_EQ(set.train.class_counts(6)[0] + set.validation.class_counts(6)[0], 86);
  EXPECT_EQ(set.train.class_counts(6)[5] + set.validation.class_counts(6)[5], 896);
  EXPECT_NE(notes(set).find("Windows-1252"), std::string::npos) << notes(set);
  const Dataset fine =
      open_dataset(Json{{"path", shared("trec")}, {"columns", {{"label", "fine"}}}}, 1);
  EXPECT_EQ(fine.classes.size(), 50U);
}

TEST(SharedTexts, AgNews) {
  GRAFT_NEEDS_SHARED("data/ag-news-test");
  EXPECT_GRAFT_ERROR(open_dataset(shared("ag-news-test"), 1), ErrorCode::unreadable,
                     "give that file as the path");
  const Dataset set = open_dataset(Json{{"path", shared("ag-news-test/test.csv")},
                                        {"classes", {"World", "Sports", "Business", "Sci/Tech"}},
                                        {"split", {{"validation", 0}, {"test", 0.2}}}},
                                   1);
  EXPECT_EQ(set.train.class_counts(4), (std::vector<int64_t>(4, 1520)));
  EXPECT_EQ(set.test.class_counts(4), (std::vector<int64_t>(4, 380)));
  EXPECT_EQ(set.train.source->sample(0).labels, std::vector<int>{2});
  EXPECT_TRUE(
      set.train.source->text(0).first.starts_with("Fears for T N pension after talks Unions"));
}

TEST(SharedTexts, Sick) {
  GRAFT_NEEDS_SHARED("data/sick2014");
  const Dataset set = open_dataset(shared("sick2014"), 1);
  EXPECT_EQ(set.classes, (Names{"CONTRADICTION", "ENTAILMENT", "NEUTRAL"}));
  EXPECT_EQ(set.train.size(), 4500);
  EXPECT_EQ(set.validation.size(), 500);
  EXPECT_EQ(set.test.size(), 4927);
  EXPECT_EQ(set.train.class_counts(3), (std::vector<int64_t>{665, 1299, 2536}));
  EXPECT_EQ(set.test.text(0).second->substr(0, 15), "A group of kids");
  const Dataset scores = open_dataset(
      Json{{"path", shared("sick2014")}, {"columns", {{"label", "relatedness_score"}}}}, 1);
  EXPECT_TRUE(scores.regression());
  EXPECT_FLOAT_EQ(scores.train.sample(0).value, 4.5F);
  EXPECT_EQ(scores.test.size(), 4927);
}

TEST(SharedTexts, SickIsChecked) {
  GRAFT_NEEDS_SHARED("data/sick2014");
  const CheckReport report = check(open_dataset(shared("sick2014"), 1), 2);
  EXPECT_EQ(report.samples, 9927);
  EXPECT_TRUE(report.short_texts.empty());
  EXPECT_NE(report.text().find("characters, median"), std::string::npos) << report.text();
}

}  // namespace
}  // namespace graft::data
