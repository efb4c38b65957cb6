#include <cmath>

#include "graft/base/error.h"
#include "graft/data/format.h"
#include "tests/support/support.h"

namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;
using Names = std::vector<std::string>;

constexpr auto kUnreadable = ErrorCode::unreadable;

class TextSources : public ::testing::Test {
 protected:
  Listing open(const std::string& name, const std::string& content, const Json& columns = nullptr) {
    write_text(dir_ / name, content);
    return open_listing(dir_ / name, "", columns);
  }
  ScratchDir dir_;
};

std::string label(const Listing& listing, size_t i) {
  std::string text;
  for (const int one : listing.samples[i].labels) {
    text += (text.empty() ? "" : "+") + listing.classes[static_cast<size_t>(one)];
  }
  return text;
}

std::string notes(const Listing& listing) {
  std::string text;
  for (const auto& note : listing.notes) text += note + "\n";
  return text;
}

TEST_F(TextSources, TabsWithoutAHeaderAndWithPlainQuotes) {
  const Listing listing = open("t.tsv", "\" good , but\t1\r\nit 's \"bad\"\t0\r\nfine\t1");
  EXPECT_EQ(listing.classes, (Names{"0", "1"}));
  ASSERT_EQ(listing.samples.size(), 3U);
  EXPECT_EQ(listing.text(0), (Text{"\" good , but", std::nullopt}));
  EXPECT_EQ(listing.text(1).first, "it 's \"bad\"");
  EXPECT_EQ(listing.samples[2].id, "line:3");
  EXPECT_EQ(label(listing, 1), "0");
  EXPECT_FLOAT_EQ(listing.samples[2].value, 1);
  EXPECT_FALSE(listing.regression());
  EXPECT_TRUE(listing.notes.empty());
}

TEST_F(TextSources, TheLabelMayComeFirst) {
  const Listing words = open("spam.txt", "ham\tsee you\nspam\twin now\nham\tok\n");
  EXPECT_EQ(words.classes, (Names{"ham", "spam"}));
  EXPECT_EQ(words.text(2).first, "ok");
  const Listing numbers = open("n.csv", "3,once\n4,once\n");
  EXPECT_EQ(numbers.classes, (Names{"3", "4"}));
}

TEST_F(TextSources, CsvWithAHeaderAndQuotedCells) {
  const Listing listing = open("t.csv",
                               "\xEF\xBB\xBFid, Sentiment ,Review Text,text,split\n"
                               "a,pos,no,\"one, \"\"two\"\"\nthree\",train\n"
                               "b,neg,no,four,dev\n");
  EXPECT_EQ(listing.classes, (Names{"neg", "pos"}));
  EXPECT_EQ(listing.text(0).first, "one, \"two\"\nthree");
  EXPECT_EQ(listing.splits, (std::vector<Split>{Split::train, Split::validation}));
  EXPECT_EQ(listing.samples[1].id, "line:4");
}

TEST_F(TextSources, QuotesWithTabsWhenTheFirstLineQuotesAll) {
  EXPECT_EQ(open("t.tsv", "\"text\"\t\"label\"\n\"a\tb\"\tx\n").text(0).first, "a\tb");
  EXPECT_EQ(open("u.tsv", "text\tlabel\n\"a\"\tx\n").text(0).first, "\"a\"");
  EXPECT_EQ(open("u.tsv", "text\tlabel\n\"a\"\tx\n", Json{{"quotes", true}}).text(0).first, "a");
}

TEST_F(TextSources, PairsAndTitlesUnderTheirUsualNames) {
  for (const auto& [first, second] :
       {std::pair{"sentence1", "sentence2"}, {"premise", "hypothesis"}, {"Question", "Context"}}) {
    const Listing pair = open("p.csv", fmt::format("idx,{},{},label\n1,a,b,yes\n", first, second));
    EXPECT_EQ(pair.text(0), (Text{"a", "b"})) << first;
    EXPECT_EQ(pair.classes, Names{"yes"});
  }
  EXPECT_EQ(open("n.csv", "Class Index,Title,Description\n3,A,b\n").text(0).first, "A b");
  EXPECT_EQ(open("n.csv", "title,text,label\nA,b,3\n").text(0).first, "b");
  const Listing plain = open("t.tsv", "a b\tc d\tyes\ne f\tg h\tno\n");
  EXPECT_EQ(plain.text(1), (Text{"e f", "g h"}));
}

TEST_F(TextSources, AgNewsHasItsClassFirst) {
  const Listing listing =
      open("test.csv", "\"3\",\"Fears, new\",\"Unions say\"\n\"4\",\"B\",\"c\"\n");
  EXPECT_EQ(listing.classes, (Names{"3", "4"}));
  EXPECT_EQ(listing.text(0), (Text{"Fears, new Unions say", std::nullopt}));
}

TEST_F(TextSources, ColumnsByNameAndByPosition) {
  const std::string table = "key\twhat\tkind\tage\nA1\tone\tx\t3\nA2\ttwo\ty\t4\n";
  const Listing named =
      open("t.tsv", table, Json{{"text", "what"}, {"label", "kind"}, {"id", "key"}});
  EXPECT_EQ(named.classes, (Names{"x", "y"}));
  EXPECT_EQ(named.samples[1].id, "A2");
  const Listing placed = open("t.tsv", "g\t1\t*\tgood one\nb\t0\t\tbad one\n",
                              Json{{"text", 4}, {"label", 2}});  // CoLA
  EXPECT_EQ(placed.text(0).first, "good one");
  EXPECT_EQ(placed.classes, (Names{"0", "1"}));
  EXPECT_EQ(open("t.tsv", table,
                 Json{{"text", Json{"what", "kind"}}, {"text_pair", "key"}, {"label", "age"}})
                .text(0),
            (Text{"one x", "A1"}));
  EXPECT_GRAFT_ERROR(open("t.tsv", table, Json{{"text", "wat"}}), kUnreadable,
                     "did you mean 'what'");
  EXPECT_GRAFT_ERROR(open("t.tsv", table, Json{{"txt", "what"}}), ErrorCode::usage,
                     "did you mean 'text'");
  EXPECT_GRAFT_ERROR(open("t.tsv", "a\tb\n", Json{{"text", 3}}), kUnreadable, "no column 3");
  EXPECT_GRAFT_ERROR(open("t.tsv", "a\tb\tc\td\n"), kUnreadable, "positions from 1");
  EXPECT_GRAFT_ERROR(open("t.tsv", "text\ta\tb\nx\ty\tz\n"), kUnreadable, "data.columns.label");
  const std::string twins = "text,label,label\nx,1,a\ny,2,b\n";
  EXPECT_GRAFT_ERROR(open("t.csv", twins), kUnreadable, "several columns called 'label'");
  EXPECT_GRAFT_ERROR(open("t.csv", twins, Json{{"label", "label"}}), kUnreadable,
                     "several columns called 'label'");
}

TEST_F(TextSources, ALabelsNameMakesAHeader) {
  const Listing named = open("t.csv", "Review Text,Sentiment\ngood one,pos\nbad one,neg\n");
  EXPECT_EQ(named.classes, (Names{"neg", "pos"}));
  EXPECT_EQ(named.text(0).first, "good one");
  // Not where it is a label itself.
  const Listing plain = open("p.csv", "is it open,topic\nwho is it,person\nand now,topic\n");
  EXPECT_EQ(plain.samples.size(), 3U);
}

TEST_F(TextSources, AListOfMarksIsAMarkForEachClass) {
  const Listing marks = open("m.jsonl",
                             "{\"text\": \"a\", \"labels\": [1.0, 0.0, 1.0]}\n"
                             "{\"text\": \"b\", \"labels\": [0.0, 0.0, 0.0]}\n");
  EXPECT_EQ(marks.classes, (Names{"0", "2"})) << "nothing is of the second";
  EXPECT_EQ(label(marks, 0), "0+2");
  EXPECT_EQ(label(marks, 1), "");
  EXPECT_NE(notes(marks).find("data.classes"), std::string::npos);
  const Listing ids = open("i.jsonl",
                           "{\"text\": \"a\", \"labels\": [0, 1]}\n"
                           "{\"text\": \"b\", \"labels\": [1, 2]}\n");
  EXPECT_EQ(label(ids, 1), "1+2");
}

TEST_F(TextSources, QuestionsNeedNoLabels) {
  const auto questions = [&](const std::string& name, const std::string& content,
                             const Json& columns = nullptr) {
    write_text(dir_ / name, content);
    return open_questions(dir_ / name, columns);
  };
  const Listing pairs = questions("p.csv", "sentence1,sentence2\na,b\nc,d\n");
  EXPECT_EQ(pairs.text(1), (Text{"c", "d"}));
  EXPECT_EQ(questions("r.csv", "review\na\nb\n").samples.size(), 2U);
  EXPECT_EQ(questions("e.csv", "text,author,date\na,x,1\nb,y,2\n").text(1).first, "b");
  EXPECT_EQ(questions("l.csv", "text,label\na,\nb,1\n").samples.size(), 2U) << "an empty label";
  const Listing half = questions("h.jsonl",
                                 "{\"text\": \"a\", \"label\": null}\n"
                                 "{\"text\": \"b\", \"label\": \"x\"}\n");
  EXPECT_EQ(half.samples.size(), 2U);
  EXPECT_EQ(questions("s.jsonl", "{\"premise\": \"a\", \"hypothesis\": \"b\"}\n").text(0),
            (Text{"a", "b"}));
  // By the names that the model's own data had, where they are there.
  const Json columns = {{"text", "what"}, {"label", "kind"}};
  EXPECT_EQ(questions("o.csv", "note,what\nx,a\ny,b\n", columns).text(1).first, "b");
  EXPECT_EQ(questions("q.csv", "text,note\na,x\nb,y\n", columns).text(1).first, "b");
}

TEST_F(TextSources, RecordsOfAListInOneLineAreCounted) {
  const std::string list = R"([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])";
  EXPECT_EQ(open("l.json", list).samples[1].id, "record:2");
  EXPECT_EQ(open("i.json", "[\n" + list.substr(1)).samples[1].id, "line:2");
}

TEST_F(TextSources, SeveralLabels) {
  const Listing listed = open("t.csv", "text,labels\na,red;big\nb,big\nc,\n");
  EXPECT_TRUE(listed.multi_label());
  EXPECT_EQ(label(listed, 0), "big+red");
  EXPECT_EQ(label(listed, 2), "");
  const Listing marks = open("t.csv", "comment_text,toxic,obscene,threat\na,1,1,0\nb,0,0,0\n",
                             Json{{"label", Json{"toxic", "obscene", "threat"}}});
  EXPECT_TRUE(marks.multi_label());
  EXPECT_EQ(marks.classes, (Names{"obscene", "toxic"}));
  EXPECT_EQ(marks.empty_classes, Names{"threat"});
  EXPECT_EQ(label(marks, 0), "obscene+toxic");
}

TEST_F(TextSources, NumbersThatAreNotWholeAreValues) {
  const Listing listing = open("t.tsv", "sentence1\tsentence2\tscore\na\tb\t5.0\nc\td\t2.25\n");
  EXPECT_TRUE(listing.regression());
  EXPECT_EQ(listing.classes, Names{"value"});
  EXPECT_TRUE(listing.samples[0].labels.empty());
  EXPECT_FLOAT_EQ(listing.samples[0].value, 5);
  EXPECT_FLOAT_EQ(listing.samples[1].value, 2.25F);
  EXPECT_TRUE(std::isnan(open("u.tsv", "text\tlabel\na\tnan\nb\t2.5\n").samples[1].value));
}

TEST_F(TextSources, OtherEncodings) {
  const Listing listing = open("t.tsv", "caf\xE9 \x80\t1\nna\xC3\xAFve\t0\n");
  EXPECT_EQ(listing.text(0).first, "caf\xC3\xA9 \xE2\x82\xAC");
  EXPECT_EQ(listing.text(1).first, "na\xC3\xAFve");
  EXPECT_NE(notes(listing).find("(line 1 is the first"), std::string::npos) << notes(listing);
  EXPECT_GRAFT_ERROR(open("t.tsv", std::string("\xFF\xFE"
                                               "a\0\t\0",
                                               6)),
                     kUnreadable, "UTF-16");
  EXPECT_GRAFT_ERROR(open("t.tsv", std::string("a\t1\nb\0\t2\n", 9)), kUnreadable,
                     "line 2: there is a NUL byte");
}

TEST_F(TextSources, TextsThatAreBlankAreLeftOut) {
  const Listing listing = open("t.tsv", "a\t1\n  \t0\nb\t0\n\t1\n");
  EXPECT_EQ(listing.samples.size(), 2U);
  EXPECT_EQ(listing.samples[1].id, "line:3");
  EXPECT_NE(notes(listing).find("2 record(s) without text"), std::string::npos) << notes(listing);
}

TEST_F(TextSources, BrokenTables) {
  EXPECT_GRAFT_ERROR(open("t.tsv", "text\tlabel\n"), kUnreadable, "a header and no rows");
  EXPECT_GRAFT_ERROR(open("t.tsv", "\n\n"), kUnreadable, "is empty");
  EXPECT_GRAFT_ERROR(open("t.tsv", "a\t1\nb\t2\t3\n"), kUnreadable, "line 2: 3 cell(s)");
  EXPECT_GRAFT_ERROR(open("t.csv", "text,label\na,x,y\n"), kUnreadable, "quote cells");
  EXPECT_GRAFT_ERROR(open("t.csv", "text,label\n\"a,x\nb,y\n"), kUnreadable, "line 2: a quote");
  EXPECT_GRAFT_ERROR(open("t.csv", "text,label\na,x\nb,\n"), kUnreadable,
                     "line 3: there is no label");
  EXPECT_GRAFT_ERROR(open("t.csv", "text,label,split\na,x,odd\n"), kUnreadable, "'odd'");
  EXPECT_GRAFT_ERROR(open("t.csv", "text,a,b\nx,1,7\n", Json{{"label", Json{"a", "b"}}}),
                     kUnreadable, "'b' must be 0 or 1, got '7'");
  EXPECT_GRAFT_ERROR(open("t.tsv", "a\t1\n" + std::string(size_t{17} << 20, 'x') + "\t1\n"),
                     kUnreadable, "line 2: the row is longer than 16 MiB");
}

TEST_F(TextSources, JsonLinesWithAllKindsOfLabels) {
  const Listing words =
      open("t.jsonl",
           "{\"text\": \"caf\\u00e9\", \"label\": \"b\", \"split\": \"train\"}\r\n\n"
           "{\"label\": true, \"text\": \"x\", \"split\": \"test\"}\n");
  EXPECT_EQ(words.classes, (Names{"b", "true"}));
  EXPECT_EQ(words.text(0).first, "caf\xC3\xA9");
  EXPECT_EQ(words.samples[1].id, "line:3");
  EXPECT_EQ(words.splits, (std::vector<Split>{Split::train, Split::test}));
  const Listing numbers =
      open("t.jsonl", "{\"text\":\"a\",\"label\":10}\n{\"text\":\"b\",\"label\":9.0}");
  EXPECT_EQ(numbers.classes, (Names{"9", "10"}));
  const Listing several =
      open("t.jsonl", "{\"text\":\"a\",\"labels\":[3,1]}\n{\"text\":\"b\",\"labels\":[]}\n");
  EXPECT_TRUE(several.multi_label());
  EXPECT_EQ(label(several, 0), "1+3");
  const Listing scores = open("t.jsonl",
                              "{\"premise\":\"a\",\"hypothesis\":\"b\",\"score\":1}\n"
                              "{\"premise\":\"c\",\"hypothesis\":null,\"score\":0.5}\n");
  EXPECT_TRUE(scores.regression());
  EXPECT_FLOAT_EQ(scores.samples[1].value, 0.5F);
  EXPECT_EQ(scores.text(0).second, "b");
  EXPECT_EQ(scores.text(1).second, std::nullopt);
}

TEST_F(TextSources, AJsonList) {
  const Listing listing = open("t.json",
                               " [\n {\"text\": \"a, ]} \\\" b\", \"label\": 1},\n"
                               "{\"text\": \"c\", \"label\": 0}]\n");
  EXPECT_EQ(listing.text(0).first, "a, ]} \" b");
  EXPECT_EQ(listing.samples[1].id, "line:3");
  EXPECT_EQ(
      open("l.json", "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\",\"label\":1}\n").samples.size(),
      2U);
  EXPECT_GRAFT_ERROR(open("t.json", "[{\"text\":\"a\",\"label\":1}"), kUnreadable, "never ends");
  EXPECT_GRAFT_ERROR(open("t.json", "[{\"text\":\"a\",\"label\":1}, {\"text\": \"b"), kUnreadable,
                     "line 1: the record that begins here never ends");
  EXPECT_GRAFT_ERROR(open("t.json", "[{\"text\":\"a\",\"label\":1}] x"), kUnreadable,
                     "after the list");
  EXPECT_GRAFT_ERROR(open("t.json", "[]"), kUnreadable, "is empty");
  EXPECT_GRAFT_ERROR(open("coco.json", "{\"images\": [],\n\"annotations\": []}"), kUnreadable,
                     "no format that graft reads");
}

TEST_F(TextSources, MalformedRecordsAreCountedUpToOnePercent) {
  std::string good;
  for (int i = 0; i < 199; ++i)
    good += fmt::format("{{\"text\":\"t{}\",\"label\":{}}}\n", i, i % 2);
  const Listing listing = open("t.jsonl", good + "{\"text\": \n");
  EXPECT_EQ(listing.samples.size(), 199U);
  EXPECT_NE(notes(listing).find("1 malformed record(s) are left out, the first in line 200"),
            std::string::npos)
      << notes(listing);
  const std::string bad = good + "{\"text\": \"x\"}\n[1]\nnothing\n";
  EXPECT_GRAFT_ERROR(open("t.jsonl", bad), kUnreadable, "line 200: the label is null");
  EXPECT_GRAFT_ERROR(open("t.jsonl", bad), kUnreadable, "3 of 202 records are malformed");
  EXPECT_GRAFT_ERROR(open("t.jsonl", "{\"text\": 5, \"label\": 1}\n"), kUnreadable,
                     "'text' must be a text, got number");
  EXPECT_GRAFT_ERROR(open("t.jsonl", "{\"x\": \"a\", \"y\": \"b\", \"label\": 1}\n"), kUnreadable,
                     "data.columns.text");
  EXPECT_EQ(open("t.jsonl", "{\"x\": \"a\", \"label\": 1}\n").text(0).first, "a");
  EXPECT_GRAFT_ERROR(open("t.jsonl", ""), kUnreadable, "is empty");
  EXPECT_GRAFT_ERROR(open("t.jsonl", std::string(100'000, '[')), kUnreadable, "");
}

TEST_F(TextSources, TrecHasTwoGrainsOfLabels) {
  const std::string lines = "NUM:dist How far ?\nLOC:city Caf\xE9 where\nNUM:date When\n";
  const Listing coarse = open("TREC.train", lines);
  EXPECT_EQ(coarse.classes, (Names{"LOC", "NUM"}));
  EXPECT_EQ(coarse.text(1).first, "Caf\xC3\xA9 where");
  const Listing fine = open("TREC.train", lines, Json{{"label", "fine"}});
  EXPECT_EQ(fine.classes, (Names{"LOC:city", "NUM:date", "NUM:dist"}));
  EXPECT_EQ(fine.text(0).first, "How far ?");
  write_text(dir_ / "x.label", lines + "no label here\n");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "x.label", "trec", nullptr), kUnreadable,
                     "line 4: expected 'COARSE:fine text'");
}

TEST_F(TextSources, FoldersOfTexts) {
  const auto root = dir_ / "imdb";
  for (const char* split : {"train", "test"}) {
    for (const char* name : {"pos", "neg"}) {
      write_text(root / split / name / "0_9.txt", fmt::format("{}\nof {}", name, split));
      write_text(root / split / name / "1_9.txt", " \n");
    }
  }
  write_text(root / "train" / "unsup" / "0_0.txt", "no label");
  write_text(root / "train" / "urls_pos.txt", "http");
  write_text(root / "README", "x");
  const Listing listing = open_listing(root, "", nullptr);
  EXPECT_EQ(listing.classes, (Names{"neg", "pos"}));
  ASSERT_EQ(listing.samples.size(), 4U);
  EXPECT_EQ(listing.samples[3].id, "train/pos/0_9.txt");
  EXPECT_EQ(listing.splits[3], Split::train);
  EXPECT_EQ(listing.text(3).first, "pos\nof train");
  EXPECT_EQ(label(listing, 3), "pos");
  for (const char* part : {"4 record(s) without text", "1 text(s) in folders called unsup",
                           "1 text(s) lie beside", "1 no extension"}) {
    EXPECT_NE(notes(listing).find(part), std::string::npos) << part << "\n" << notes(listing);
  }
  write_text(root / "train" / "pos" / "bad.txt", std::string("a\0b", 3));
  EXPECT_GRAFT_ERROR(open_listing(root, "", nullptr), kUnreadable, "1 of 9 files cannot be read");
  // Boxes beside pictures are no texts.
  write_text(dir_ / "boxes" / "images" / "1.jpg", "x");
  write_text(dir_ / "boxes" / "labels" / "1.txt", "0 0.5 0.5 1 1");
  EXPECT_TRUE(open_listing(dir_ / "boxes", "", nullptr).load);
  write_text(dir_ / "flat" / "1.txt", "x");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "flat", "text-folder", nullptr), kUnreadable,
                     "the texts in");
}

TEST_F(TextSources, TablesOfPicturesStayTablesOfPictures) {
  EXPECT_GRAFT_ERROR(open("t.csv", "file,label\na b,x\n"), kUnreadable, "first pictures exists");
  EXPECT_GRAFT_ERROR(open("t.csv", "a b.jpg,x\nc.jpg,y\n"), kUnreadable, "first pictures exists");
  EXPECT_GRAFT_ERROR(open("t.csv", "what,label\na,x\n", Json{{"path", "what"}}), kUnreadable,
                     "first pictures exists");
  write_text(dir_ / "t.csv", "image,text,label\na.jpg,x,y\n");
  EXPECT_EQ(open_listing(dir_ / "t.csv", "text-table", nullptr).text(0).first, "x");
}

}  // namespace
}  // namespace graft::data
