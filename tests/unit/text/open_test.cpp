#include <gtest/gtest.h>

#include <cstring>

#include "graft/base/error.h"
#include "graft/text/preprocess.h"
#include "graft/text/tokenizer.h"
#include "tests/support/support.h"

/// Files that are damaged, and folders as they lie around.
namespace graft::test {
namespace {

using texts::Tokenizer;

void expect_refused(const std::string& json, const std::string& part) {
  EXPECT_GRAFT_ERROR(Tokenizer::from_json(json, "t.json"), ErrorCode::unreadable, part);
}

const std::string kWords =
    R"("model": {"type": "WordLevel", "vocab": {"a": 0, "?": 1}, "unk_token": "?"})";

TEST(TokenizerOpen, DamagedJsonIsRefusedWithPlace) {
  expect_refused("{", "t.json: not valid JSON");
  expect_refused("[]", "t.json: an object {...} was expected");
  expect_refused("{}", "t.json: 'model' is missing");
  expect_refused(R"({"version": "2.0", )" + kWords + "}", "t.json.version");
  expect_refused(R"({"model": {"type": "BPEE", "vocab": {}}})", "did you mean 'BPE'");
  expect_refused(R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})", "whole number");
  expect_refused(R"({"model": {"type": "BPE", "vocab": {"a": 2000000000}, "merges": []}})",
                 "an id of a vocabulary of 1 tokens");
  expect_refused(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}})",
                 "needs the token 'b'");
  expect_refused(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["aa"]}})",
                 "two tokens with one space between");
  expect_refused(R"({"model": {"type": "Unigram", "vocab": [["a", 0.5]], "unk_id": 3}})",
                 "t.json.model.unk_id");
  expect_refused(R"({"normalizer": {"type": "NFX"}, )" + kWords + "}",
                 "no normalizer of type 'NFX'");
  expect_refused(
      R"({"normalizer": {"type": "Replace", "pattern": {"Regex": "("}, "content": ""}, )" + kWords +
          "}",
      "not a pattern of Oniguruma");
  expect_refused(
      R"({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}, )" + kWords + "}",
      "damaged");
  expect_refused(R"({"pre_tokenizer": {"type": "FixedLength", "length": 0}, )" + kWords + "}",
                 "a length above 0");
  expect_refused(
      R"({"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}],
          "pair": [], "special_tokens": {}}, )" +
          kWords + "}",
      "'x' is missing");
}

TEST(TokenizerOpen, WhatTheConfigNamesIsOneToken) {
  const ScratchDir folder;
  write_text(folder / "tokenizer.json",
             R"({"pre_tokenizer": {"type": "Punctuation", "behavior": "Isolated"},
                 "model": {"type": "WordLevel", "vocab": {"a": 0, "?": 1, "<end>": 2, "<x>": 3},
                           "unk_token": "?"}})");
  EXPECT_EQ(Tokenizer::open(folder.path()).encode("a<end>").ids.size(), 4U);
  write_text(
      folder / "tokenizer_config.json",
      R"({"eos_token": "<end>", "additional_special_tokens": ["<x>"], "pad_token": "<pad>"})");
  const Tokenizer named = Tokenizer::open(folder.path());
  EXPECT_EQ(named.encode("a<end><x>").ids, (std::vector<uint32_t>{0, 2, 3}));
  EXPECT_EQ(named.id_end(), 4) << "what the vocabulary lacks gets no row";
}

/// A field of a protocol buffer with a length.
std::string field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number * 8 + 2), static_cast<char>(bytes.size())} + bytes;
}

TEST(TokenizerOpen, XlmRobertaHasTheIdsOfFairseq) {
  const auto piece = [](const std::string& text, float score, int type) {
    std::string bytes = field(1, text) + '\x15';
    bytes.append(reinterpret_cast<const char*>(&score), 4);
    return field(1, bytes + '\x18' + static_cast<char>(type));
  };
  const std::string own = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);
  const std::string rest = piece(
                               "\xE2\x96\x81"
                               "a",
                               -1, 1) +
                           piece("b", -2, 1) + piece("\xE2\x96\x81", -3, 1);
  const std::string unigram = field(2, "\x18\x01");
  const ScratchDir folder;
  write_text(folder / "sentencepiece.bpe.model", own + rest + unigram);
  const Tokenizer tokenizer = Tokenizer::open(folder.path());
  EXPECT_EQ(tokenizer.encode("ab a").ids, (std::vector<uint32_t>{0, 4, 5, 4, 2}));
  EXPECT_EQ(tokenizer.encode("a", "b").ids, (std::vector<uint32_t>{0, 4, 2, 2, 6, 5, 2}));
  EXPECT_EQ(tokenizer.encode("a<mask>").ids, (std::vector<uint32_t>{0, 4, 7, 2}));
  EXPECT_EQ(tokenizer.token_to_id("<pad>"), 1U);
  write_text(folder / "sentencepiece.bpe.model", rest + unigram);
  EXPECT_GRAFT_ERROR(Tokenizer::open(folder.path()), ErrorCode::unreadable, "tokenizer.json");
}

TEST(TokenizerOpen, NestingHasALimit) {
  std::string nested = R"({"type": "NFC"})";
  for (int i = 0; i < 40; ++i)
    nested = fmt::format(R"({{"type": "Sequence", "normalizers": [{}]}})", nested);
  expect_refused(R"({"normalizer": )" + nested + ", " + kWords + "}", "more than 16 deep");
}

TEST(TokenizerOpen, PatternsThatExplodeAreErrors) {
  const Tokenizer tokenizer = Tokenizer::from_json(
      R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a|a)*(?=x)(?!x)."}, "behavior": "Isolated",
          "invert": false}, )" +
          kWords + "}",
      "t.json");
  EXPECT_GRAFT_ERROR(tokenizer.encode(std::string(60, 'a') + "xb"), ErrorCode::unreadable,
                     "the pattern is not fit");
}

TEST(TokenizerOpen, UnknownWordsNeedAToken) {
  const Tokenizer tokenizer = Tokenizer::from_json(
      R"({"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "?"}})", "t.json");
  EXPECT_GRAFT_ERROR(tokenizer.encode("b"), ErrorCode::unreadable, "'b' is not in the vocabulary");
}

TEST(TokenizerOpen, DropoutIsLeftOutWithWord) {
  const Tokenizer tokenizer = Tokenizer::from_json(
      R"({"model": {"type": "BPE", "dropout": 0.1, "vocab": {"a": 0}, "merges": []}})", "t.json");
  ASSERT_EQ(tokenizer.notes().size(), 1U);
  EXPECT_NE(tokenizer.notes()[0].find("dropout 0.1 is left out"), std::string::npos);
}

TEST(TokenizerOpen, FoldersWithoutTokenizer) {
  const ScratchDir folder;
  EXPECT_GRAFT_ERROR(Tokenizer::open(folder.path()), ErrorCode::unreadable,
                     "the folder holds no tokenizer");
  write_text(folder / "weights.bin", "x");
  EXPECT_GRAFT_ERROR(Tokenizer::open(folder / "weights.bin"), ErrorCode::unreadable,
                     "not a tokenizer that is known here");
}

TEST(TokenizerOpen, ConfigAddsTokensAndNamesThem) {
  const ScratchDir folder;
  write_text(folder / "tokenizer.json", "{" + kWords + "}");
  write_text(folder / "tokenizer_config.json",
             R"({"eos_token": {"content": "<end>"}, "bos_token": "a", "added_tokens_decoder":
                 {"3": {"content": "<x>", "special": false}, "2": {"content": "<end>", "special": true}}})");
  const Tokenizer tokenizer = Tokenizer::open(folder.path());
  EXPECT_EQ(tokenizer.special_id("eos_token"), 2U);
  EXPECT_EQ(tokenizer.special_id("bos_token"), 0U);
  EXPECT_FALSE(tokenizer.special_id("pad_token"));
  EXPECT_EQ(tokenizer.token_to_id("<x>"), 3U);
  EXPECT_EQ(tokenizer.encode("a<end><x>b").ids, (std::vector<uint32_t>{0, 2, 3, 1}));
  EXPECT_EQ(tokenizer.size(), 4U);
}

TEST(TokenizerOpen, DamagedSentencePieceModels) {
  const ScratchDir folder;
  const auto path = folder / "x.model";
  for (const std::string& bytes :
       {std::string("\x0a\xff\xff\xff\xff\x0f", 6), std::string("\x00", 1),
        std::string("\x0a\x03\x0a\x01\xff", 5)}) {
    write_text(path, bytes);
    EXPECT_GRAFT_ERROR(Tokenizer::open(path), ErrorCode::unreadable, path.string());
  }
  write_text(path, "");
  EXPECT_GRAFT_ERROR(Tokenizer::open(path), ErrorCode::unreadable, "without pieces");
}

/// A sentencepiece model: pieces with score and type (1 normal, 2 unknown, 3 control).
struct Piece {
  std::string text;
  float score;
  char type;
};
std::string sentencepiece_file(const std::vector<Piece>& pieces) {
  std::string file;
  for (const Piece& piece : pieces) {
    std::string score(4, '\0');
    std::memcpy(score.data(), &piece.score, 4);
    const std::string body = "\x0a" + std::string(1, static_cast<char>(piece.text.size())) +
                             piece.text + "\x15" + score + "\x18" + piece.type;
    file += "\x0a" + std::string(1, static_cast<char>(body.size())) + body;
  }
  return file;
}

/// As microsoft/deberta-v3-base lies on the hub; the numbers are DebertaV2Tokenizer's in
/// transformers 5.23 with these pieces.
TEST(TokenizerOpen, DebertaFoldersWithOnlySpmModel) {
  const ScratchDir folder;
  write_text(folder / "spm.model", sentencepiece_file({{"[PAD]", 0, 3},
                                                       {"[CLS]", 0, 3},
                                                       {"[SEP]", 0, 3},
                                                       {"[UNK]", 0, 2},
                                                       {"\u2581the", -2, 1},
                                                       {"\u2581", -3, 1},
                                                       {"a", -4, 1},
                                                       {"b", -4, 1},
                                                       {"\u2581b", -3.5, 1},
                                                       {"ab", -3, 1},
                                                       {"!", -5, 1}}));
  const Tokenizer tokenizer = Tokenizer::open(folder.path());
  EXPECT_EQ(tokenizer.encode("the ab!").ids, (std::vector<uint32_t>{1, 4, 5, 9, 10, 2}));
  EXPECT_EQ(tokenizer.encode("the [MASK] b").ids, (std::vector<uint32_t>{1, 4, 11, 8, 2}));
  const auto pair = tokenizer.encode("b  the zz", "a");
  EXPECT_EQ(pair.ids, (std::vector<uint32_t>{1, 8, 4, 5, 3, 2, 5, 6, 2}));
  EXPECT_EQ(pair.type_ids, (std::vector<uint32_t>{0, 0, 0, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(tokenizer.special_id("pad_token"), 0U);
  EXPECT_EQ(tokenizer.special_id("cls_token"), 1U);
  EXPECT_EQ(tokenizer.special_id("sep_token"), 2U);
  EXPECT_EQ(tokenizer.special_id("unk_token"), 3U);
  EXPECT_EQ(tokenizer.special_id("mask_token"), 11U);
  EXPECT_EQ(tokenizer.size(), 12U);
  texts::Preprocess preprocess;
  preprocess.folder = folder.path();
  EXPECT_EQ(preprocess.files(), (std::vector<std::filesystem::path>{folder.path() / "spm.model"}));
  write_text(folder / "tokenizer_config.json", R"({"do_lower_case": true})");
  EXPECT_GRAFT_ERROR(Tokenizer::open(folder.path()), ErrorCode::unreadable, "do_lower_case");
  write_text(folder / "tokenizer_config.json", R"({"do_lower_case": false, "vocab_type": "spm"})");
  EXPECT_EQ(Tokenizer::open(folder.path()).size(), 12U);
  write_text(folder / "spm.model", sentencepiece_file({{"<unk>", 0, 2}, {"a", -1, 1}}));
  EXPECT_GRAFT_ERROR(Tokenizer::open(folder.path()), ErrorCode::unreadable,
                     "'[CLS]', which DeBERTa puts around texts");
}

TEST(TokenizerOpen, DamagedTiktokenFiles) {
  const ScratchDir folder;
  const auto path = folder / "tokenizer.model";
  write_text(path, "YQ== 0\nYg== 2\n");
  EXPECT_GRAFT_ERROR(Tokenizer::open(path), ErrorCode::unreadable, "line 2: rank 1 was expected");
  write_text(path, "YQ== 0\nY 1\n");
  EXPECT_GRAFT_ERROR(Tokenizer::open(path), ErrorCode::unreadable, "line 2: a token in base64");
}

}  // namespace
}  // namespace graft::test
