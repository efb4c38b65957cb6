#include "graft/base/error.h"
#include "graft/data/check.h"
#include "graft/data/dataset.h"
#include "graft/data/format.h"
#include "tests/support/support.h"

namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;
using Names = std::vector<std::string>;

constexpr auto kUnreadable = ErrorCode::unreadable;

class TextPairs : public ::testing::Test {
 protected:
  /// As a task that is named asks for it.
  Listing open(const std::string& name, const std::string& content, const Json& columns = nullptr) {
    write_text(dir_ / name, content);
    return open_listing(dir_ / name, "text-pairs", columns);
  }
  std::string found(const std::string& name, const std::string& content) {
    write_text(dir_ / name, content);
    const Format* format = find_format(dir_ / name, nullptr);
    return format ? format->name : "";
  }
  ScratchDir dir_;
};

TEST_F(TextPairs, AnchorAndPositiveAreFoundByThemselves) {
  EXPECT_EQ(found("a.jsonl", R"({"anchor": "x", "positive": "y"})"), "text-pairs");
  EXPECT_EQ(found("a.csv", "anchor,positive,negative\na,b,c\n"), "text-pairs");
  EXPECT_EQ(found("a.tsv", "\"Anchor\"\t\"Positive\"\n\"a\"\t\"b\"\n"), "text-pairs");
  EXPECT_EQ(found("a.json", R"([{"query": "q", "pos": ["p"], "neg": ["n"]}])"), "text-pairs");
  // What may be something else is what it was.
  EXPECT_EQ(found("b.jsonl", R"({"question": "q", "answer": "a"})"), "records");
  EXPECT_EQ(found("b.csv", "sentence1,sentence2,score\na,b,1\n"), "text-table");
  EXPECT_EQ(found("b.json", R"([{"premise": "a", "hypothesis": "b", "label": 1}])"), "jsonl-text");
  EXPECT_EQ(found("c.csv", "positive,text\nyes,fine\n"), "text-table");
}

TEST_F(TextPairs, PairsBelongTogether) {
  const Listing listing =
      open("p.csv", "id,anchor,positive\n1,\"who, me\",you\n2,  ,b\n3,c,\n4,e,f\n");
  EXPECT_EQ(listing.target, Target::retrieval);
  EXPECT_EQ(listing.texts_a_sample, 2);
  ASSERT_EQ(listing.samples.size(), 2U);
  EXPECT_EQ(listing.text(0), (Text{"who, me", "you"}));
  EXPECT_EQ(listing.text(1), (Text{"e", "f"}));
  EXPECT_EQ(listing.samples[1].id, "line:5");
  EXPECT_TRUE(listing.samples[1].labels.empty());
  EXPECT_TRUE(listing.classes.empty());
  EXPECT_NE(listing.notes[0].find("2 record(s) without both texts"), std::string::npos);
  EXPECT_NE(listing.notes[1].find("'anchor' and 'positive' belong together"), std::string::npos);
}

TEST_F(TextPairs, UsualNamesOfPairs) {
  for (const auto& [first, second] : {std::pair{"query", "answer"},
                                      {"Question", "Answer"},
                                      {"sentence1", "sentence2"},
                                      {"sentence_A", "sentence_B"},
                                      {"title", "abstract"},
                                      {"query", "passage"}}) {
    const Listing listing = open("p.jsonl", Json{{"note", 1}, {first, "a"}, {second, "b"}}.dump());
    EXPECT_EQ(listing.target, Target::retrieval) << first;
    EXPECT_EQ(listing.text(0), (Text{"a", "b"})) << first;
  }
  EXPECT_GRAFT_ERROR(open("p.csv", "one,two\na,b\n"), kUnreadable, "data.columns.anchor");
}

TEST_F(TextPairs, NegativesOfAllKinds) {
  const Listing one = open("t.csv", "anchor,positive,negative\na,b,c\nd,e,f\n");
  EXPECT_EQ(one.texts_a_sample, 3);
  EXPECT_EQ(one.text(1), (Text{"d", "e", {"f"}}));
  const Listing columns =
      open("t.tsv", "anchor\tpositive\tnegative_1\tnegative_2\tnegation\na\tb\tc\td\tx\n");
  EXPECT_EQ(columns.texts_a_sample, 4);
  EXPECT_EQ(columns.text(0).negatives, (Names{"c", "d"}));
  // A list of positives is as many samples; of negatives all records have as many as the first.
  const Listing lists = open("t.jsonl",
                             "{\"query\":\"q\",\"pos\":[\"a\",\"b\"],\"neg\":[\"x\",\"y\"]}\n"
                             "{\"query\":\"r\",\"pos\":[\"c\"],\"neg\":[\"x\",\"y\",\"z\"]}\n");
  ASSERT_EQ(lists.samples.size(), 3U);
  EXPECT_EQ(lists.samples[1].id, "line:1:2");
  EXPECT_EQ(lists.text(1), (Text{"q", "b", {"x", "y"}}));
  EXPECT_EQ(lists.text(2), (Text{"r", "c", {"x", "y"}}));
  EXPECT_NE(lists.notes.back().find("with 2 negative(s) each"), std::string::npos);
  EXPECT_GRAFT_ERROR(open("t.csv", "anchor,positive,negative\na,b,c\nd,e,\n"), kUnreadable,
                     "line 3: 0 negative(s), but the first record has 1");
}

TEST_F(TextPairs, ScoresOfAllKinds) {
  const Listing table = open("s.tsv", "sentence1\tsentence2\tscore\na\tb\t4.5\nc\td\t 0\n");
  EXPECT_EQ(table.target, Target::similarity);
  EXPECT_EQ(table.texts_a_sample, 2);
  EXPECT_FLOAT_EQ(table.samples[0].value, 4.5F);
  EXPECT_FLOAT_EQ(table.samples[1].value, 0);
  EXPECT_EQ(table.text(0), (Text{"a", "b"}));
  const Listing json = open("s.jsonl",
                            "{\"anchor\":\"a\",\"positive\":\"b\",\"label\":true}\n"
                            "{\"anchor\":\"c\",\"positive\":\"d\",\"label\":0.25}\n");
  EXPECT_FLOAT_EQ(json.samples[0].value, 1);
  EXPECT_FLOAT_EQ(json.samples[1].value, 0.25F);
  EXPECT_GRAFT_ERROR(
      open("s.csv", "premise,hypothesis,label\na,b,entailment\n"), kUnreadable,
      "'label' must be a number that says how alike the texts are, got \"entailment\"");
  EXPECT_GRAFT_ERROR(open("s.csv", "sentence1,sentence2,score\na,b,nan\n"), kUnreadable, "number");
  const Listing both = open("s.csv", "anchor,positive,negative,score\na,b,c,1\n");
  EXPECT_EQ(both.target, Target::retrieval);
  EXPECT_NE(both.notes.back().find("'score' is not used"), std::string::npos);
}

TEST_F(TextPairs, ColumnsByName) {
  const std::string table = "key,left,right,bad,much\nk1,a,b,c,3\n";
  const Listing pairs =
      open("c.csv", table, Json{{"anchor", "left"}, {"positive", "right"}, {"id", "key"}});
  EXPECT_EQ(pairs.samples[0].id, "k1");
  EXPECT_EQ(pairs.target, Target::retrieval);
  const Listing triples =
      open("c.csv", table, Json{{"anchor", "left"}, {"positive", "right"}, {"negative", "bad"}});
  EXPECT_EQ(triples.text(0), (Text{"a", "b", {"c"}}));
  const Listing scored =
      open("c.csv", table, Json{{"anchor", "left"}, {"positive", "right"}, {"score", "much"}});
  EXPECT_FLOAT_EQ(scored.samples[0].value, 3);
  EXPECT_GRAFT_ERROR(open("c.csv", table, Json{{"anchor", "left"}}), ErrorCode::usage, "together");
  EXPECT_GRAFT_ERROR(open("c.csv", table, Json{{"anchor", "left"}, {"positive", "rigth"}}),
                     kUnreadable, "did you mean 'right'");
}

TEST_F(TextPairs, MalformedRecordsAreCounted) {
  std::string lines;
  for (int i = 0; i < 200; ++i)
    lines += fmt::format("{{\"anchor\":\"a{}\",\"positive\":\"b\"}}\n", i);
  const Listing most = open("m.jsonl", lines + "{\"anchor\": 3, \"positive\": \"b\"}\n{oops\n");
  EXPECT_EQ(most.samples.size(), 200U);
  EXPECT_NE(most.notes[0].find("2 malformed record(s)"), std::string::npos) << most.notes[0];
  EXPECT_GRAFT_ERROR(open("m.jsonl", lines + lines.substr(0, 40) + "\n" + "{\n{\n{\n{\n"),
                     kUnreadable, "malformed");
  EXPECT_GRAFT_ERROR(open("m.csv", "anchor,positive\n"), kUnreadable, "holds no records");
  EXPECT_GRAFT_ERROR(open("m.csv", "anchor,positive\na,b,c\n"), kUnreadable, "3 cell(s)");
}

TEST_F(TextPairs, SplitsOfAFolderAndWhatTheyHave) {
  write_text(dir_ / "train.csv", "anchor,positive,negative\na,b,x\nc,d,x\ne,f,x\n");
  write_text(dir_ / "dev.csv", "anchor,positive\ng,h\n");
  write_text(dir_ / "test.csv", "anchor,positive,negative\ni,j,x\n");
  const Dataset set = open_dataset(dir_.path().string(), 1);
  EXPECT_EQ(set.target, Target::retrieval);
  EXPECT_TRUE(set.pairs());
  EXPECT_EQ(set.texts_a_sample, 2) << "validation has no negatives";
  EXPECT_EQ(set.validation.text(0), (Text{"g", "h"}));
  EXPECT_EQ(set.test.sample(0).id, "test/line:2");
  EXPECT_NE(set.notes.back().find("differing numbers of negatives"), std::string::npos);
  write_text(dir_ / "dev.csv", "anchor,positive,score\ng,h,1\n");
  EXPECT_GRAFT_ERROR(open_dataset(dir_.path().string(), 1), kUnreadable,
                     "some of train, validation and test hold pairs of texts with a score");
  EXPECT_GRAFT_ERROR(
      open_dataset(Json{{"path", (dir_ / "train.csv").string()}, {"classes", {"a"}}}, 1),
      ErrorCode::usage, "texts are compared");
}

TEST_F(TextPairs, AreDividedAtRandomAndChecked) {
  std::string table = "anchor,positive,label\n";
  for (int i = 0; i < 40; ++i) table += fmt::format("a{},b{},{}\n", i, i, i % 5);
  write_text(dir_ / "p.csv", table + "a1,b1,2\n");
  const Dataset set = open_dataset(
      Json{{"path", (dir_ / "p.csv").string()}, {"split", {{"validation", 0.25}, {"test", 0.25}}}},
      3);
  EXPECT_EQ(set.target, Target::similarity);
  EXPECT_EQ(set.validation.size(), 10);
  EXPECT_NE(set.notes[1].find("at random"), std::string::npos) << set.notes[1];
  const CheckReport report = check(set, 1);
  EXPECT_EQ(report.samples, 41);
  EXPECT_TRUE(report.values);
  EXPECT_FLOAT_EQ(report.max_value, 4);
  EXPECT_EQ(report.classes[0].name, "pairs");
  ASSERT_EQ(report.duplicates.size(), 1U);
  EXPECT_TRUE(report.duplicates[0].different_labels);
  EXPECT_NE(report.text().find("values of train 0 to 4"), std::string::npos) << report.text();
  EXPECT_EQ(report.text().find("largest class"), std::string::npos);
}

TEST(SharedPairs, Sick) {
  GRAFT_NEEDS_SHARED("data/sick2014");
  const Dataset set =
      open_dataset(Json{{"path", (graft::test::shared_dir() / "data/sick2014").string()},
                        {"format", "text-pairs"}},
                   1);
  EXPECT_EQ(set.target, Target::similarity);
  EXPECT_EQ(set.train.size(), 4500);
  EXPECT_EQ(set.validation.size(), 500);
  EXPECT_EQ(set.test.size(), 4927);
  EXPECT_FLOAT_EQ(set.train.sample(0).value, 4.5F);
  EXPECT_TRUE(set.train.text(0).first.starts_with("A group of kids is playing"));
  EXPECT_TRUE(set.train.text(0).second->starts_with("A group of boys in a yard"));
}

}  // namespace
}  // namespace graft::data
