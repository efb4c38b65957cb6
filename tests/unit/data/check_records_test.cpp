#include "graft/data/check_records.h"

#include <memory>

#include "graft/text/tokenizer.h"
#include "tests/support/support.h"

namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;

/// Letters are tokens, and "<s>" stands in front of every text.
constexpr const char* kTokenizer = R"({
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "u": 2, "!": 3, " ": 4, "?": 5, "\u001b": 6},
            "merges": [], "unk_token": "?"},
  "added_tokens": [
      {"id": 7, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": true},
      {"id": 8, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": true}],
  "decoder": {"type": "Fuse"},
  "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                 {"Sequence": {"id": "A", "type_id": 0}}],
      "pair": [],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [7], "tokens": ["<s>"]}}}})";

class CheckRecords : public ::testing::Test {
 protected:
  RecordReport check(const std::string& lines, const std::string& chat = "",
                     int64_t max_length = 100) {
    write_text(dir_ / "t" / "tokenizer.json", kTokenizer);
    write_text(dir_ / "t" / "tokenizer_config.json",
               R"({"bos_token": "<s>", "eos_token": "</s>"})");
    if (!chat.empty()) write_text(dir_ / "t" / "chat_template.jinja", chat);
    write_text(dir_ / "d" / "train.jsonl", lines);
    texts::Preprocess preprocess;
    preprocess.folder = dir_ / "t";
    preprocess.tokenizer =
        std::make_shared<texts::Tokenizer>(texts::Tokenizer::open(preprocess.folder));
    preprocess.max_length = max_length;
    const texts::RecordEncoder encoder(preprocess, texts::open_chat_template(preprocess.folder));
    const Json data = {{"path", (dir_ / "d").string()}, {"split", {{"validation", 0}}}};
    dataset_ = open_dataset(data, 0);
    return check_records(dataset_, encoder, 2);
  }

  ScratchDir dir_;
  Dataset dataset_;
};

const std::string kPrompt = "{\"prompt\": \"u\", \"completion\": \"ab\"}\n";

TEST_F(CheckRecords, ShowsWhatIsLearned) {
  const RecordReport report = check(kPrompt);
  EXPECT_EQ(report.records, 1);
  EXPECT_EQ(report.tokens, 5);
  EXPECT_EQ(report.learned, 3);
  ASSERT_EQ(report.shown.size(), 1U);
  EXPECT_TRUE(report.problems().empty());
  const std::string plain = report.text(false);
  EXPECT_NE(plain.find("<s>u⟦ab</s>⟧"), std::string::npos) << plain;
  EXPECT_NE(plain.find("5 tokens, 3 of them learned"), std::string::npos) << plain;
  EXPECT_NE(plain.find("no problems were found in the tokens"), std::string::npos) << plain;
  EXPECT_NE(report.text(true).find("\033[2m<s>u\033[0m\033[32mab</s>\033[0m"), std::string::npos);
  EXPECT_EQ(report.json().at("first").at(0).at("parts").at(1).at("learned"), true);
}

TEST_F(CheckRecords, FindsWhatIsWrong) {
  const RecordReport report = check(
      kPrompt + "{\"text\": \"<s>ab\"}\n" + "{\"prompt\": \"" + std::string(20, 'u') +
          "\", \"completion\": \"a\"}\n" + "{\"text\": \"" + std::string(20, 'a') + "\"}\n" +
          "{\"segments\": [{\"label\": true, \"text\": \"aab\"}]}\n" +
          "{\"input_ids\": [1, 99]}\n" +
          "{\"messages\": [{\"role\": \"user\", \"content\": \"u\"}, {\"role\": \"assistant\", "
          "\"content\": \"a\"}, {\"role\": \"user\", \"content\": \"u\"}, {\"role\": "
          "\"assistant\", "
          "\"content\": \"b\"}]}\n",
      "{% for m in messages %}{{ m.content }}{% if loop.last %}!{% endif %}{% endfor %}", 10);
  EXPECT_EQ(report.records, 7);
  EXPECT_EQ(report.refused.size(), 1U);
  EXPECT_EQ(report.nothing.size(), 1U);
  EXPECT_EQ(report.cut.size(), 2U);
  EXPECT_EQ(report.double_bos.size(), 1U);
  EXPECT_EQ(report.no_end.size(), 2U);  // the segments, and the first answer
  EXPECT_EQ(report.rewritten.size(), 1U);
  const auto problems = report.problems();
  ASSERT_EQ(problems.size(), 6U);
  for (const char* part :
       {"1 record(s) cannot be used; the first is line:6: 'input_ids' hold 99",
        "1 record(s) have nothing to learn", "begin with bos_token twice", "without an end behind",
        "chat.last_only=true", "2 record(s) have more than 10 tokens"}) {
    EXPECT_NE(report.text(false).find(part), std::string::npos) << part << report.text(false);
  }
  EXPECT_EQ(report.json().at("counts").at("cut"), 2);
}

TEST_F(CheckRecords, TellsWhereEosStandsForAnEnd) {
  const RecordReport report = check(
      "{\"messages\": [{\"role\": \"user\", \"content\": \"u\"}, {\"role\": \"assistant\", "
      "\"content\": \"a\"}]}\n",
      "{% for m in messages %}{{ m.content }} {% endfor %}");
  EXPECT_EQ(report.end_added.size(), 1U);
  EXPECT_EQ(report.shown[0].parts.back().text, "a</s>");
}

TEST_F(CheckRecords, WhatATerminalWouldObeyIsSpelledOut) {
  const RecordReport report = check("{\"text\": \"a\\u001b[31mb\\nb\"}\n");
  const std::string text = report.text(true);
  EXPECT_EQ(text.find("a\033"), std::string::npos);
  EXPECT_NE(text.find("a\\x1b"), std::string::npos) << text;
}

TEST_F(CheckRecords, TheUsualCheckCountsAndComparesTheirWords) {
  check(kPrompt + kPrompt + "{\"prompt\": \"u \", \"completion\": \"ab\"}\n" +
        "{\"text\": \"something else\"}\n");
  const CheckReport report = graft::data::check(dataset_, 1);
  EXPECT_TRUE(report.records);
  ASSERT_EQ(report.classes.size(), 1U);
  const ClassCount& row = report.classes[0];
  EXPECT_EQ(row.train + row.validation + row.test, 4);
  ASSERT_EQ(report.duplicates.size(), 1U);
  EXPECT_EQ(report.duplicates[0].places.size(), 3U);
  EXPECT_EQ(report.duplicates[0].excerpt, "u ab");
  EXPECT_EQ(report.max_characters, 14);
  EXPECT_EQ(report.text().find("largest class"), std::string::npos);
}

}  // namespace
}  // namespace graft::data
