#include <algorithm>
#include <fstream>

#include "graft/base/error.h"
#include "graft/train/predictor.h"
#include "tests/contract_training/texts.h"

/// Texts that are not as they should be, and models that do not fit them.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

void append(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::app) << bytes;
}

TEST(TextHazards, BlankTextsAreLeftOutAndTheRunGoesOn) {
  const test::ScratchDir scratch;
  const fs::path data = make_texts(scratch / "data");
  append(data / "train.jsonl", "{\"text\": \"  \", \"label\": \"tree\"}\n");
  append(data / "train.jsonl", "{\"text\": \"\", \"label\": \"bird\"}\n");
  train::Job job = open(with(text_config(scratch / "run"), {{"data", data.string()}}));
  EXPECT_EQ(job.data.train.size(), 36);
  EXPECT_TRUE(std::any_of(job.notes.begin(), job.notes.end(), [](const std::string& note) {
    return note.find("2 record(s) without text are left out") != std::string::npos;
  }));
  EXPECT_EQ(run(job)["status"], "completed");
}

TEST(TextHazards, BytesThatAreNoUtf8AreReadAndPredicted) {
  const test::ScratchDir scratch;
  const fs::path data = scratch / "data";
  for (const char* split : {"train", "test"}) {
    for (const char* name : {"tree", "bird"}) {
      for (int i = 0; i < 6; ++i) {
        const fs::path folder = data / split / name;
        fs::create_directories(folder);
        append(folder / (std::to_string(i) + ".txt"),
               std::string("the old ") + name + (i % 2 ? " caf\xe9 \xff\xfe" : " rests"));
      }
    }
  }
  const Json summary = run(with(text_config(scratch / "run"), {{"data", data.string()}}));
  EXPECT_EQ(summary["status"], "completed");
  EXPECT_EQ(summary["samples"]["test"], 12);
  train::Predictor predictor((scratch / "run").string());
  const auto odd = predictor.classify(data::Text{"\xc3\x28 \xff tree", {}});
  EXPECT_NEAR(odd.scores[0] + odd.scores[1], 1, 1e-5);
  const auto none = predictor.classify(data::Text{"", {}});
  EXPECT_NEAR(none.scores[0] + none.scores[1], 1, 1e-5);
}

TEST(TextHazards, ALabelThatTrainingLacksIsNamed) {
  const test::ScratchDir scratch;
  const fs::path data = make_texts(scratch / "data");
  append(data / "test.jsonl", "{\"text\": \"a stone\", \"label\": \"stone\"}\n");
  EXPECT_GRAFT_ERROR(open(with(text_config(scratch / "run"), {{"data", data.string()}})),
                     ErrorCode::unreadable, "stone");
}

TEST(TextHazards, LongTextsAreCutCountedAndSaid) {
  const test::ScratchDir scratch;
  const fs::path data = make_texts(scratch / "data");
  std::string words = "the tree";
  for (int i = 0; i < 100; ++i) words += " is old";
  for (const char* file : {"train.jsonl", "train.jsonl", "test.jsonl"})
    append(data / file, Json{{"text", words}, {"label", "tree"}}.dump() + "\n");
  train::Job job = open(with(text_config(scratch / "run"), {{"data", data.string()}}));
  EXPECT_TRUE(std::any_of(job.notes.begin(), job.notes.end(), [](const std::string& note) {
    return note.find("2 of 38 that were looked at have more than 24 tokens") != std::string::npos;
  }));
  const Json summary = run(job);
  EXPECT_EQ(summary["samples"]["cut"], 3);
  const auto warnings = events(scratch / "run", "warning");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].dump().find("3 texts had more than 24 tokens"), std::string::npos)
      << warnings[0];
  const Json whole = run(text_config(scratch / "whole"));
  EXPECT_EQ(whole["samples"]["cut"], 0);
  EXPECT_TRUE(events(scratch / "whole", "warning").empty());
}

TEST(TextHazards, ATokenizerWithMoreIdsThanRowsIsRefused) {
  const test::ScratchDir scratch;
  Json config = text_config(scratch / "run");
  config["model"] = {{"config", with(tiny_bert(), {{"vocab_size", 50}})},
                     {"init", "random"},
                     {"tokenizer", word_piece().string()}};
  EXPECT_GRAFT_ERROR(open(config), ErrorCode::unreadable, "50 rows (vocab_size)");
}

TEST(TextHazards, AModelWithoutATokenizerSaysWhatToGive) {
  const test::ScratchDir scratch;
  fs::copy(text_base(), scratch / "bare", fs::copy_options::recursive);
  for (const char* name : {"vocab.txt", "tokenizer.json", "tokenizer_config.json"})
    fs::remove(scratch / "bare" / name);
  Json config = text_config(scratch / "run");
  config["model"] = (scratch / "bare").string();
  EXPECT_GRAFT_ERROR(open(config), ErrorCode::unreadable, "give model.tokenizer");
  config["model"] = {{"path", (scratch / "bare").string()}, {"tokenizer", word_piece().string()}};
  EXPECT_EQ(run(config)["status"], "completed");
}

TEST(TextHazards, PicturesForAModelOfTextsAreRefusedAndTheOtherWayRound) {
  const test::ScratchDir scratch;
  Json config = text_config(scratch / "run");
  config["task"] = "image-classification";
  config["data"] = photos().string();
  EXPECT_GRAFT_ERROR(open(config), ErrorCode::usage, "reads texts");
  config = config_of("vit", scratch / "run");
  config["task"] = "text-classification";
  config["data"] = texts().string();
  EXPECT_GRAFT_ERROR(open(config), ErrorCode::usage, "reads pictures");
}

}  // namespace
}  // namespace graft::contract
