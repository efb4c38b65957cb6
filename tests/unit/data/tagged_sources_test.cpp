#include <algorithm>

#include "graft/base/error.h"
#include "graft/data/check.h"
#include "graft/data/dataset.h"
#include "graft/data/format.h"
#include "tests/support/support.h"

/// Sources of words with tags.
namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;
using Names = std::vector<std::string>;

constexpr auto kUnreadable = ErrorCode::unreadable;
constexpr auto kUsage = ErrorCode::usage;

class TaggedSources : public ::testing::Test {
 protected:
  std::string format_of(const std::string& name, const std::string& content) {
    write_text(dir_ / name, content);
    const Format* format = find_format(dir_ / name, nullptr);
    return format ? format->name : "";
  }
  Listing open(const std::string& name, const std::string& content, const Json& columns = nullptr,
               const std::string& format = "") {
    write_text(dir_ / name, content);
    return open_listing(dir_ / name, format, columns);
  }
  ScratchDir dir_;
};

/// "EU/B-ORG rejects/O".
std::string shown(const Text& text, const Sample& sample, const Names& classes) {
  std::string line;
  EXPECT_EQ(text.words.size(), sample.labels.size());
  for (size_t i = 0; i < text.words.size(); ++i) {
    const texts::Span& word = text.words[i];
    line += (i > 0 ? " " : "") + text.first.substr(word.begin, word.end - word.begin) + "/" +
            classes[static_cast<size_t>(sample.labels[i])];
  }
  return line;
}

std::string shown(const Listing& listing, size_t i) {
  return shown(listing.text(static_cast<int64_t>(i)), listing.samples[i], listing.classes);
}

std::string notes(const Listing& listing) {
  std::string text;
  for (const auto& note : listing.notes) text += note + "\n";
  return text;
}

constexpr const char* kConll =
    "-DOCSTART- -X- -X- O\n\n"
    "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ B-NP B-MISC\n. . O O\n\n"
    "Peter NNP B-NP B-PER\nBlackburn NNP I-NP I-PER\n";

TEST_F(TaggedSources, ConllOf2003) {
  const Listing listing = open("eng.train", kConll);
  EXPECT_EQ(static_cast<int>(listing.target), static_cast<int>(Target::token_classes));
  EXPECT_EQ(listing.classes, (Names{"O", "B-MISC", "B-ORG", "B-PER", "I-PER"}));
  ASSERT_EQ(listing.samples.size(), 2U);
  EXPECT_EQ(shown(listing, 0), "EU/B-ORG rejects/O German/B-MISC ./O");
  EXPECT_EQ(listing.text(0).first, "EU rejects German .");
  EXPECT_EQ(shown(listing, 1), "Peter/B-PER Blackburn/I-PER");
  EXPECT_EQ(listing.samples[0].id, "line:3");
  EXPECT_EQ(listing.samples[1].id, "line:8");
  EXPECT_NE(notes(listing).find("words are column 1, tags column 4 of 4"), std::string::npos);
}

TEST_F(TaggedSources, ColumnsCanBeChosen) {
  const Listing parts = open("t.conll", kConll, {{"tag", 2}});
  EXPECT_EQ(shown(parts, 1), "Peter/NNP Blackburn/NNP");
  EXPECT_GRAFT_ERROR(open("t.conll", kConll, {{"tag", 5}}), kUsage, "has 4 columns");
}

TEST_F(TaggedSources, TabsAndLineEndsOfWindows) {
  const Listing listing =
      open("w.conll", "New York\tB-LOC\r\nis\tO\r\n\r\n#tag\tO\r\n\tO\r\nx\tO\r\n");
  EXPECT_EQ(shown(listing, 0), "New York/B-LOC is/O");
  EXPECT_EQ(shown(listing, 1), "#tag/O x/O");
  EXPECT_NE(notes(listing).find("1 line(s) without a word"), std::string::npos);
}

TEST_F(TaggedSources, CommentsAndNumbersAreNoWords) {
  const std::string germeval =
      "#\thttp://x.org\t[2010]\n1\tSchartau\tB-PER\tO\n2\tsagte\tO\tO\n\n"
      "#\thttp://y.org\t[2011]\n1\tBerlin\tB-LOC\tO\n2\t#\tO\tO\n";
  const Listing german = open("g.tsv", germeval, {{"tag", 3}}, "conll");
  EXPECT_EQ(shown(german, 0), "Schartau/B-PER sagte/O");
  EXPECT_EQ(shown(german, 1), "Berlin/B-LOC #/O");

  const std::string rest = "\t_\t_\t0\troot\t_\t_\n";
  const Listing universal =
      open("u.conllu",
           "# sent_id = 1\n# text = zum Haus\n1-2\tzum\t_\t_\t_\t_\t_\t_\t_\t_\n"
           "1\tzu\tzu\tADP" +
               rest + "2\tdem\tder\tDET" + rest + "3\tHaus\tHaus\tNOUN" + rest +
               "3.1\tnichts\t_\tX" + rest + "\n");
  EXPECT_EQ(shown(universal, 0), "zu/ADP dem/DET Haus/NOUN");
  EXPECT_NE(notes(universal).find("of CoNLL-U"), std::string::npos);
}

TEST_F(TaggedSources, AHashCanBeAWord) {
  const Listing listing = open("h.txt", "# O\nBerlin B-LOC\n\n#LinkedIn B-ORG\nis O\n");
  EXPECT_EQ(shown(listing, 0), "#/O Berlin/B-LOC");
  EXPECT_EQ(shown(listing, 1), "#LinkedIn/B-ORG is/O");
}

TEST_F(TaggedSources, WordsInLinesAreFoundAndNothingElse) {
  EXPECT_EQ(format_of("a.txt", kConll), "conll");
  EXPECT_EQ(format_of("valid", "a O\nb I-X\n\n"), "conll");
  EXPECT_EQ(format_of("a.tsv", "a\tO\nb\tB\n\nc\tI\n"), "conll");
  EXPECT_EQ(format_of("a.iob", "a NOUN\nb VERB\n"), "conll");
  // Tables, questions, documents and records stay what they are.
  EXPECT_EQ(format_of("t.tsv", "good film\t1\nbad film\t0\n"), "text-table");
  EXPECT_EQ(format_of("t.txt", "ham\tsee you\nspam\twin now\n"), "text-table");
  EXPECT_EQ(format_of("t.train", "LOC:city Where is it ?\nHUM:ind Who ?\n"), "trec");
  EXPECT_EQ(format_of("t.txt", "Once upon\na time\n\nthere was O\n"), "plain-text");
  EXPECT_EQ(format_of("t.txt", "word O\nword O\n"), "plain-text");
  EXPECT_EQ(format_of("t.csv", "a,O\nb,B-X\n"), "text-table");
  EXPECT_EQ(format_of("t.jsonl", R"({"text": "a", "label": "B-X"})"), "jsonl-text");
  EXPECT_EQ(format_of("t.jsonl", R"({"text": "a", "labels": ["x", "y"]})"), "jsonl-text");
  EXPECT_EQ(format_of("t.jsonl", R"({"text": "a", "meta": {"set": "x"}})"), "records");
}

TEST_F(TaggedSources, BadLinesAreErrorsWithTheirNumber) {
  EXPECT_GRAFT_ERROR(open("b.conll", "a O\nb\nc O\n"), kUnreadable,
                     "line 2: 1 column(s), expected 2 columns as in line 1, got 'b'");
  EXPECT_GRAFT_ERROR(open("b.conll", "a\tO\nb\t\n"), kUnreadable, "line 2: the tag is empty");
  EXPECT_GRAFT_ERROR(open("b.conll", "a\nb\n", nullptr, "conll"), kUnreadable, "no words in lines");
  EXPECT_GRAFT_ERROR(open("b.conll", "-DOCSTART- O\n\n# x y\n", nullptr, "conll"), kUnreadable,
                     "no words in lines");
}

TEST_F(TaggedSources, ListsOfWordsAndTags) {
  const Listing listing = open(
      "t.jsonl",
      R"({"id": "7", "tokens": ["New York", "is", "big"], "pos_tags": [1, 2, 3], "ner_tags": ["B-LOC", "O", "O"]})"
      "\n"
      R"({"id": "8", "tokens": [], "ner_tags": []})"
      "\n"
      R"({"id": "9", "tokens": ["Änne", ""], "ner_tags": ["B-PER", "O"], "split": "dev"})",
      {{"id", "id"}});
  EXPECT_EQ(shown(listing, 0), "New York/B-LOC is/O big/O");
  EXPECT_EQ(shown(listing, 1), "Änne/B-PER /O");
  EXPECT_EQ(listing.samples[1].id, "9");
  EXPECT_EQ(listing.splits[1], Split::validation);
  EXPECT_NE(notes(listing).find("1 text(s) without words"), std::string::npos);
  EXPECT_NE(notes(listing).find("'ner_tags' has the tags of 'tokens'"), std::string::npos);
  const Listing parts =
      open("t.jsonl", R"([{"tokens": ["a"], "pos_tags": [3], "ner_tags": ["O"]}])",
           {{"tags", "pos_tags"}});
  EXPECT_EQ(parts.classes, Names{"3"});
}

TEST_F(TaggedSources, NumbersGetTheirNamesFromTheClasses) {
  write_text(dir_ / "train.jsonl", R"({"tokens": ["a", "b"], "ner_tags": [1, 2]})"
                                   "\n"
                                   R"({"tokens": ["c"], "ner_tags": [0]})"
                                   "\n");
  const Json data = {{"train", (dir_ / "train.jsonl").string()},
                     {"classes", {"O", "B-X", "I-X", "B-Y"}},
                     {"split", {{"validation", 0.0}, {"test", 0.0}}}};
  const Dataset set = open_dataset(data, 0);
  EXPECT_EQ(set.classes, (Names{"O", "B-X", "I-X", "B-Y"}));
  EXPECT_EQ(shown(set.train.text(0), set.train.sample(0), set.classes), "a/B-X b/I-X");
}

TEST_F(TaggedSources, TextsAndTheirEntities) {
  const Listing listing = open(
      "e.jsonl",
      R"({"text": "Zoë lives in New York.", "entities": [{"start": 13, "end": 21, "label": "LOC"}, {"start": 0, "end": 3, "label": "PER"}]})"
      "\n"
      R"({"text": "nothing", "entities": []})"
      "\n"
      R"({"text": "EU-wide tax", "entities": [{"start": 0, "end": 5, "label": "ORG"}, {"start": 3, "end": 11, "label": "X"}, {"start": 7, "end": 8, "label": "Y"}]})");
  EXPECT_EQ(shown(listing, 0), "Zoë/B-PER lives/O in/O New/B-LOC York/I-LOC ./O");
  EXPECT_EQ(listing.text(0).first, "Zoë lives in New York.");
  EXPECT_EQ(shown(listing, 1), "nothing/O");
  EXPECT_EQ(shown(listing, 2), "EU/O -/O wide/B-X tax/I-X");
  EXPECT_NE(notes(listing).find("1 entities share a word with a longer one"), std::string::npos);
  EXPECT_NE(notes(listing).find("1 entities hold white space only"), std::string::npos);
}

TEST_F(TaggedSources, SpansOfProdigyAndDoccano) {
  const Listing prodigy = open(
      "p.jsonl",
      R"({"text": "Bonn", "spans": [{"start": 0, "end": 2, "label": "LOC"}], "tokens": [{"text": "Bonn", "start": 0}]})");
  EXPECT_EQ(shown(prodigy, 0), "Bonn/B-LOC");
  EXPECT_NE(notes(prodigy).find("1 entities begin or end inside a word"), std::string::npos);
  const Listing doccano =
      open("d.jsonl", R"({"id": 1, "text": "in Bonn", "label": [[3, 7, "LOC"]]})");
  EXPECT_EQ(shown(doccano, 0), "in/O Bonn/B-LOC");
}

TEST_F(TaggedSources, MalformedRecordsAreLeftOutUpToOnePercent) {
  const std::string good = R"({"tokens": ["a", "b"], "tags": ["O", "B-X"]})";
  std::string many;
  for (int i = 0; i < 200; ++i) many += good + "\n";
  const Listing listing = open("m.jsonl", many + R"({"tokens": ["a"], "tags": []})");
  EXPECT_EQ(listing.samples.size(), 200U);
  EXPECT_NE(notes(listing).find("line 201: 1 word(s), but 0 tag(s)"), std::string::npos);
  for (const auto& [bad, says] : std::vector<std::pair<std::string, std::string>>{
           {R"({"tokens": ["a"], "tags": [-100]})", "-100 is no class"},
           {R"({"tokens": ["a"], "tags": [""]})", "a tag is empty"},
           {R"({"tokens": ["a"], "tags": [0.5]})", "one of tags"},
           {R"({"tokens": ["a"]})", "no field 'tags'"}}) {
    EXPECT_GRAFT_ERROR(open("m.jsonl", good + "\n" + bad), kUnreadable, says);
  }
  const std::string text = R"({"text": "ab", "entities": [[0, 1, "X"]]})";
  for (const auto& [bad, says] : std::vector<std::pair<std::string, std::string>>{
           {R"({"text": "ab", "entities": [[0, 3, "X"]]})", "the text has 2 characters"},
           {R"({"text": "ab", "entities": [[1, 1, "X"]]})", "lies at 1 to 1"},
           {R"({"text": "ab", "entities": [[-1, 1, "X"]]})", "lies at -1 to 1"},
           {R"({"text": "ab", "entities": [[0, 1, ""]]})", "has no label"},
           {R"({"text": "ab", "entities": [{"start": 0, "label": "X"}]})", "a list of"}}) {
    EXPECT_GRAFT_ERROR(open("m.jsonl", text + "\n" + bad), kUnreadable, says);
  }
  EXPECT_GRAFT_ERROR(open("m.jsonl", R"({"a": 1})", nullptr, "jsonl-tags"), kUnreadable,
                     "has no words with tags");
}

std::string sentences(int count, const std::string& tag) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "in O\nBerlin" + std::to_string(i) + " " + (i % 4 == 0 ? tag : "O") + "\n\n";
  return text;
}

TEST_F(TaggedSources, SplitsAreStratifiedByTheRarestTag) {
  write_text(dir_ / "all.txt", sentences(40, "B-LOC"));
  const Dataset set = open_dataset({{"path", (dir_ / "all.txt").string()}}, 3);
  EXPECT_TRUE(set.token_classes());
  EXPECT_EQ(set.classes, (Names{"O", "B-LOC"}));
  for (const auto& [view, texts, tagged] :
       {std::tuple{&set.train, 28, 7}, {&set.validation, 6, 2}, {&set.test, 6, 1}}) {
    EXPECT_EQ(view->size(), texts);
    EXPECT_NEAR(static_cast<double>(view->class_counts(2)[1]), tagged, 1);
  }
  std::string all;
  for (const auto& note : set.notes) all += note;
  EXPECT_NE(all.find("stratified by the rarest tag of each text"), std::string::npos);
  const Dataset folds = open_dataset(
      {{"path", (dir_ / "all.txt").string()}, {"folds", 5}, {"fold", 1}, {"fraction", 0.5}}, 3);
  EXPECT_EQ(folds.test.size(), 8);
  EXPECT_EQ(folds.test.class_counts(2)[1], 2);
}

TEST_F(TaggedSources, FilesOfAFolderAreSplits) {
  write_text(dir_ / "eng.train", sentences(8, "B-LOC"));
  write_text(dir_ / "eng.testa", sentences(5, "B-LOC"));
  write_text(dir_ / "eng.testb", sentences(4, "B-LOC"));
  const Dataset set = open_dataset(dir_.path().string(), 0);
  EXPECT_EQ(set.train.size(), 8);
  EXPECT_EQ(set.validation.size(), 5);
  EXPECT_EQ(set.test.size(), 4);
  EXPECT_EQ(set.validation.sample(0).id, "validation/line:1");
}

TEST_F(TaggedSources, ATagThatTrainingLacksIsAnErrorUnlessTheTagsAreGiven) {
  write_text(dir_ / "train.txt", sentences(8, "B-LOC"));
  write_text(dir_ / "dev.txt", sentences(8, "B-ORG"));
  EXPECT_GRAFT_ERROR(open_dataset(dir_.path().string(), 0), kUnreadable,
                     "training lacks: B-ORG; rename or remove them, or list the classes in "
                     "data.classes: words with other tags then count as \"O\"");
  const Json given = {{"path", dir_.path().string()}, {"classes", {"O", "B-LOC"}}};
  const Dataset set = open_dataset(given, 0);
  EXPECT_EQ(set.validation.class_counts(2), (std::vector<int64_t>{16, 0}));
  EXPECT_EQ(set.train.class_counts(2), (std::vector<int64_t>{14, 2}));
  EXPECT_GRAFT_ERROR(
      open_dataset({{"path", dir_.path().string()}, {"classes", {"B-LOC", "B-ORG"}}}, 0), kUsage,
      "lacks the tag 'O'");
}

TEST_F(TaggedSources, SplitsOfOtherKindsDoNotGoTogether) {
  write_text(dir_ / "train.txt", sentences(8, "B-LOC"));
  write_text(dir_ / "test.tsv", "text\tlabel\na\tx\nb\ty\n");
  EXPECT_GRAFT_ERROR(
      open_dataset(
          {{"train", (dir_ / "train.txt").string()}, {"test", (dir_ / "test.tsv").string()}}, 0),
      kUnreadable, "hold words with tags, others do not");
}

TEST_F(TaggedSources, ChecksCountTagsAndFindIllFormedOnes) {
  write_text(dir_ / "a.txt",
             "a B-X\nb I-X\nc O\n\nd I-X\n\nd I-X\n\na B-X\nb O\nc O\n\ne B-X\n\nf B-X\n\ng B-X\n");
  const Dataset set = open_dataset(
      {{"train", (dir_ / "a.txt").string()}, {"split", {{"validation", 0.0}, {"test", 0.0}}}}, 0);
  const CheckReport report = check(set, 2);
  EXPECT_EQ(report.words, 11);
  EXPECT_EQ(report.entities, 7);
  EXPECT_EQ(report.without_beginning, 2);
  ASSERT_EQ(report.ill_formed.size(), 2U);
  EXPECT_EQ(report.ill_formed[0].id, "line:5");
  ASSERT_EQ(report.duplicates.size(), 2U);
  EXPECT_TRUE(report.duplicates[0].different_labels);   // a b c
  EXPECT_FALSE(report.duplicates[1].different_labels);  // d
  EXPECT_EQ(report.classes[1].name, "B-X");
  EXPECT_EQ(report.classes[1].train, 5);
  const std::string text = report.text();
  EXPECT_NE(text.find("2 of 7 entities begin with a tag that says they go on"), std::string::npos)
      << text;
  EXPECT_EQ(report.json()["words"]["entities"], 7);

  write_text(dir_ / "b.txt", "a I-X\nb I-X\nc O\n\nd I-X\n\nd B-X\n");
  const CheckReport old = check(open_dataset({{"train", (dir_ / "b.txt").string()},
                                              {"split", {{"validation", 0.0}, {"test", 0.0}}}},
                                             0),
                                1);
  EXPECT_TRUE(old.ill_formed.empty());
  EXPECT_NE(old.text().find("the tags are IOB1"), std::string::npos);
}

}  // namespace
}  // namespace graft::data
