#include <algorithm>

#include "graft/base/error.h"
#include "graft/data/dataset.h"
#include "graft/data/format.h"
#include "graft/text/chat/record.h"
#include "tests/support/support.h"

/// Sources of what language models learn: records and plain text.
namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;
using texts::Record;

constexpr auto kUnreadable = ErrorCode::unreadable;

class RecordSources : public ::testing::Test {
 protected:
  std::string format_of(const std::string& name, const std::string& content) {
    write_text(dir_ / name, content);
    const Format* format = find_format(dir_ / name, nullptr);
    return format ? format->name : "";
  }
  Listing open(const std::string& name, const std::string& content, const Json& columns = nullptr) {
    write_text(dir_ / name, content);
    return open_listing(dir_ / name, "", columns);
  }
  ScratchDir dir_;
};

Record record(const Listing& listing, int64_t i) {
  return texts::parse_record(listing.text(i).first);
}

std::string notes(const Listing& listing) {
  std::string text;
  for (const auto& note : listing.notes) text += note + "\n";
  return text;
}

TEST_F(RecordSources, EveryShapeIsFound) {
  const std::string turn = R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])";
  for (const std::string& one : std::vector<std::string>{
           R"({"text": "a"})", R"({"text": "a", "meta": {"set": "x"}})",
           R"({"text": "a", "url": "u", "timestamp": "t"})", R"({"text": "a", "id": 5})",
           R"({"prompt": "a", "completion": "b"})", R"({"instruction": "a", "output": "b"})",
           R"({"instruction": "a", "context": "", "response": "b", "category": "c"})",
           R"({"question": "a", "answer": "b"})", R"({"query": "a", "response": "b"})",
           R"({"messages": )" + turn + "}", R"({"conversations": )" + turn + R"(, "label": 1})",
           R"({"prompt": "a", "chosen": "b", "rejected": "c"})",
           R"({"prompt": "a", "completion": "b", "label": false})", R"({"input_ids": [1, 2]})",
           R"({"segments": [{"label": true, "text": "a"}]})"}) {
    EXPECT_EQ(format_of("t.jsonl", one + "\n" + one + "\n"), "records") << one;
    EXPECT_EQ(format_of("t.json", "[\n  " + one + ",\n" + one + "]"), "records") << one;
    EXPECT_EQ(format_of("t.json", one), "records") << one;
  }
}

TEST_F(RecordSources, WhatHasALabelIsClassified) {
  for (const char* one :
       {R"({"text": "a", "label": 1})", R"({"label": "x", "text": "a"})",
        R"({"text": "a", "sentiment": "good"})", R"({"text": "a", "labels": ["x", "y"]})",
        R"({"question": "a", "answer": "b", "label": 0})",
        R"({"sentence1": "a", "sentence2": "b", "score": 1})",
        R"({"question": "a", "context": "b", "label": 0})"}) {
    EXPECT_EQ(format_of("t.jsonl", std::string(one) + "\n" + one + "\n"), "jsonl-text") << one;
    EXPECT_EQ(format_of("t.json", std::string("[") + one + "]"), "jsonl-text") << one;
  }
  EXPECT_EQ(format_of("t.csv", "text,label\na,x\n"), "text-table");
  EXPECT_EQ(format_of("t.csv", "question,answer,label\na,b,1\n"), "text-table");
  EXPECT_EQ(format_of("coco.json", "{\"images\": [],\n\"annotations\": []}"), "");
}

TEST_F(RecordSources, LinesBecomeRecords) {
  const Listing listing =
      open("t.jsonl",
           "{\"prompt\": \"caf\\u00e9\", \"completion\": \"b\", \"split\": \"test\"}\n\n"
           "{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\"}], \"split\": \"en\"}\n");
  ASSERT_EQ(listing.samples.size(), 2U);
  EXPECT_EQ(listing.target, Target::next_token);
  EXPECT_TRUE(listing.classes.empty());
  EXPECT_EQ(record(listing, 0).value.dump(), "{\"prompt\":\"caf\xC3\xA9\",\"completion\":\"b\"}");
  EXPECT_EQ(record(listing, 1).shape, Record::Shape::messages);
  EXPECT_EQ(listing.samples[1].id, "line:3");
  EXPECT_EQ(listing.splits, (std::vector<Split>{Split::test, Split::none}));
  EXPECT_NE(notes(listing).find("records of the shape messages (1), prompt/completion (1)"),
            std::string::npos)
      << notes(listing);
}

TEST_F(RecordSources, FieldsOfOtherNames) {
  const std::string text = R"({"q": "a", "a": "b", "name": "first", "part": "dev"})";
  const Json columns = {{"prompt", "q"}, {"completion", "a"}, {"id", "name"}, {"split", "part"}};
  write_text(dir_ / "t.jsonl", text);
  const Listing listing = open_listing(dir_ / "t.jsonl", "records", columns);
  EXPECT_EQ(record(listing, 0).value.dump(), R"({"prompt":"a","completion":"b"})");
  EXPECT_EQ(listing.samples[0].id, "first");
  EXPECT_EQ(listing.splits[0], Split::validation);
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "t.jsonl", "records", Json{{"prompt", "qq"}}),
                     ErrorCode::usage, "has no field 'qq' (data.columns.prompt)");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "t.jsonl", "records", nullptr), kUnreadable,
                     "line 1: the record has the fields q, a, name, part");
}

TEST_F(RecordSources, RecordsWithNothingToLearnAreLeftOut) {
  const Listing listing = open("t.jsonl",
                               "{\"prompt\": \"a\", \"completion\": \"b\"}\n"
                               "{\"prompt\": \"a\", \"completion\": \" \"}\n"
                               "{\"prompt\": \"a\", \"completion\": \"c\", \"label\": false}\n"
                               "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}\n");
  EXPECT_EQ(listing.samples.size(), 2U);
  for (const char* part : {"1 record(s) are left out: the answer is blank",
                           "1 record(s) are left out: the answer is a rejected one",
                           "the chosen answers are learned"}) {
    EXPECT_NE(notes(listing).find(part), std::string::npos) << part << "\n" << notes(listing);
  }
  EXPECT_GRAFT_ERROR(open("t.jsonl", "{\"text\": \" \"}\n"), kUnreadable, "the text is blank");
}

TEST_F(RecordSources, MalformedRecordsAreCountedUpToOnePercent) {
  std::string good;
  for (int i = 0; i < 199; ++i) good += fmt::format("{{\"text\": \"t{}\"}}\n", i);
  const Listing listing = open("t.jsonl", good + "{\"messages\": [5]}\n");
  EXPECT_EQ(listing.samples.size(), 199U);
  EXPECT_NE(
      notes(listing).find("1 malformed record(s) are left out, the first in line 200: message 1"),
      std::string::npos)
      << notes(listing);
  EXPECT_GRAFT_ERROR(open("t.jsonl", good + "{\"text\": 5}\n{\n[]\n"), kUnreadable,
                     "line 200: 'text' must be a text");
  write_text(dir_ / "t.jsonl", "");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "t.jsonl", "records", nullptr), kUnreadable, "is empty");
}

TEST_F(RecordSources, TablesWithSuchAHeader) {
  const Listing listing = open("t.csv",
                               "instruction,input,output\n"
                               "Add,\"1, 2\",3\n"
                               "\"Say \"\"hi\"\"\",,\"hi\nthere\"\n");
  EXPECT_EQ(record(listing, 0).value.dump(),
            R"({"instruction":"Add","input":"1, 2","output":"3","alpaca":true})");
  EXPECT_EQ(record(listing, 1).value.dump(),
            R"({"instruction":"Say \"hi\"","output":"hi\nthere","alpaca":true})");
  EXPECT_EQ(listing.samples[1].id, "line:3");
  EXPECT_EQ(record(open("t.tsv", "question\tanswer\n1+1?\t2\n"), 0).shape,
            Record::Shape::instruction);
  EXPECT_EQ(record(open("t.csv", "text\nhello\n"), 0).value.dump(), R"({"text":"hello"})");
  const Listing conversations = open(
      "t.csv",
      "messages,source\n\"[{\"\"role\"\": \"\"assistant\"\", \"\"content\"\": \"\"x\"\"}]\",web\n");
  EXPECT_EQ(record(conversations, 0).shape, Record::Shape::messages);
  const Listing judged = open("t.csv", "prompt,completion,label\na,b,True\na,c,False\n");
  EXPECT_EQ(judged.samples.size(), 1U);
  EXPECT_GRAFT_ERROR(open("t.csv", "prompt,completion\na,b,c\n"), kUnreadable,
                     "line 2: 3 cell(s), but the header has 2");
}

TEST_F(RecordSources, HostileFilesAreErrors) {
  for (const std::string& content :
       {std::string("{\"text\": \"a"), std::string("[{\"text\": \"a\"}"),
        "{\"text\": " + std::string(100'000, '[') + "\n", std::string("{\"text\": \"a\0\"}", 13),
        "[{\"messages\": [" + std::string(200'000, '{')}) {
    write_text(dir_ / "t.jsonl", content);
    EXPECT_GRAFT_ERROR(open_listing(dir_ / "t.jsonl", "records", nullptr), kUnreadable, "");
  }
  // A first record that is longer than what detection looks at first.
  EXPECT_EQ(format_of("t.json", "[{\"text\": \"" + std::string(200'000, 'a') + "\"}]"), "records");
  // Bytes that are not UTF-8 do not hide what the records are.
  const Listing latin = open("t.jsonl", "{\"prompt\": \"caf\xE9\", \"completion\": \"b\"}\n");
  EXPECT_EQ(record(latin, 0).value.at("prompt"), "caf\xC3\xA9");
}

TEST_F(RecordSources, ADatasetOfThemHasSplitsAndNoClasses) {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += fmt::format("{{\"text\": \"number {}\"}}\n", i);
  write_text(dir_ / "chat" / "train.jsonl", lines);
  write_text(dir_ / "chat" / "valid.jsonl", "{\"text\": \"one\"}\n");
  const Dataset dataset = open_dataset((dir_ / "chat").string(), 0);
  EXPECT_EQ(dataset.target, Target::next_token);
  EXPECT_EQ(dataset.train.size(), 100);
  EXPECT_EQ(dataset.validation.size(), 1);
  EXPECT_TRUE(dataset.classes.empty());
}

std::string joined(const Listing& listing) {
  std::string text;
  for (size_t i = 0; i < listing.samples.size(); ++i)
    text += record(listing, static_cast<int64_t>(i)).value.at("text").get<std::string>();
  return text;
}

TEST_F(RecordSources, PlainTextIsCutAtParagraphsAndLines) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("Paragraph {} has a line.\nAnd another one.\n", i);
    if (i % 3 == 2) text += "\n";
  }
  write_text(dir_ / "book.txt", text);
  EXPECT_EQ(find_format(dir_ / "book.txt", nullptr)->name, "plain-text");
  const Listing listing = open_listing(dir_ / "book.txt", "", Json{{"piece", 200}});
  EXPECT_EQ(listing.target, Target::next_token);
  EXPECT_EQ(joined(listing), text);
  ASSERT_GT(listing.samples.size(), 8U);
  int64_t line = 1;
  for (size_t i = 0; i < listing.samples.size(); ++i) {
    const Json value = record(listing, static_cast<int64_t>(i)).value;
    const auto piece = value.at("text").get<std::string>();
    EXPECT_LE(piece.size(), 200U);
    EXPECT_TRUE(piece.ends_with("\n")) << piece;
    EXPECT_EQ(value.value("continues", false), i + 1 < listing.samples.size());
    EXPECT_EQ(listing.samples[i].id, fmt::format("line:{}", line));
    line += std::count(piece.begin(), piece.end(), '\n');
  }
  // Without lines at words, without words between characters.
  const Listing words = open("w.txt", "one two three four five six", Json{{"piece", 16}});
  EXPECT_EQ(record(words, 0).value.at("text"), "one two three ");
  std::string umlauts;
  for (int i = 0; i < 20; ++i) umlauts += "ä";
  const Listing cut = open("u.txt", umlauts, Json{{"piece", 17}});
  EXPECT_EQ(record(cut, 0).value.at("text").get<std::string>().size(), 16U);
  EXPECT_EQ(joined(cut), umlauts);
  EXPECT_GRAFT_ERROR(open("e.txt", " \n\n"), kUnreadable, "holds no");
  EXPECT_GRAFT_ERROR(open("b.txt", std::string("a\0b", 3)), kUnreadable, "NUL byte");
  EXPECT_GRAFT_ERROR(open("w.txt", "a b", Json{{"piece", 1}}), ErrorCode::usage, "piece");
}

TEST_F(RecordSources, FoldersOfDocuments) {
  write_text(dir_ / "docs" / "a.md", "# A\n\nText.\n");
  write_text(dir_ / "docs" / "more" / "b.md", "B");
  write_text(dir_ / "docs" / "LICENSE", "x");
  write_text(dir_ / "docs" / ".git" / "c.png", "x");
  EXPECT_EQ(find_format(dir_ / "docs", nullptr)->name, "plain-text");
  const Listing listing = open_listing(dir_ / "docs", "", nullptr);
  ASSERT_EQ(listing.samples.size(), 2U);
  EXPECT_EQ(listing.samples[1].id, "more/b.md/line:1");
  EXPECT_FALSE(record(listing, 0).value.contains("continues"));
  EXPECT_NE(notes(listing).find("2 document(s) in 2 piece(s)"), std::string::npos);
  // Other files among them, and class folders of texts, are something else.
  write_text(dir_ / "docs" / "data.csv", "a,b\n");
  EXPECT_NE(find_format(dir_ / "docs", nullptr)->name, "plain-text");
  EXPECT_EQ(open_listing(dir_ / "docs", "plain-text", nullptr).samples.size(), 2U);
  write_text(dir_ / "lm" / "train.txt", "a");
  write_text(dir_ / "lm" / "test.txt", "b");
  write_text(dir_ / "lm" / "about_train.md", "c");
  const Dataset split = open_dataset((dir_ / "lm").string(), 0);
  EXPECT_EQ(split.train.size() + split.validation.size(), 1);
  EXPECT_EQ(split.test.size(), 1);
  write_text(dir_ / "classes" / "good" / "1.txt", "x");
  write_text(dir_ / "classes" / "bad" / "1.txt", "x");
  EXPECT_EQ(find_format(dir_ / "classes", nullptr)->name, "text-folder");
}

TEST_F(RecordSources, RealDataSets) {
  GRAFT_NEEDS_SHARED("data/gsm8k");
  const auto shared = graft::test::shared_dir() / "data";
  struct Case {
    const char* path;
    const char* described;
    size_t records;
  };
  for (const Case& one : {Case{"rasbt-instruct/instruction-data.json", "alpaca", 1100},
                          Case{"rasbt-instruct/instruction-data-with-preference.json",
                               "alpaca with preference", 1100},
                          Case{"alpaca-en-demo/alpaca_en_demo.json", "alpaca", 999},
                          Case{"alpaca-seed-tasks/seed_tasks.jsonl", "self-instruct", 175},
                          Case{"gsm8k/test.jsonl", "question/answer", 1319}}) {
    const Listing listing = open_listing(shared / one.path, "", nullptr);
    EXPECT_NE(notes(listing).find(fmt::format("records of the shape {}\n", one.described)),
              std::string::npos)
        << one.path << "\n"
        << notes(listing);
    EXPECT_EQ(listing.samples.size(), one.records) << one.path << "\n" << notes(listing);
  }
  const Dataset gsm8k = open_dataset((shared / "gsm8k").string(), 0);
  EXPECT_EQ(gsm8k.test.size(), 1319);
  const Listing plays = open_listing(shared / "tinyshakespeare", "", nullptr);
  EXPECT_EQ(joined(plays).size(), 1'115'394U);
}

}  // namespace
}  // namespace graft::data
