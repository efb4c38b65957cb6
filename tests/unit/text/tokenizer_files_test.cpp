#include "graft/text/tokenizer_files.h"

#include <gtest/gtest.h>

#include "graft/base/json.h"
#include "graft/text/word_encoder.h"
#include "tests/support/support.h"

/// Tokenizers with new tokens are written so that they are read with them again.
namespace graft::texts {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;

/// What models::read_text_preprocess makes of a folder and tokens to add.
Preprocess with_tokens(const std::filesystem::path& folder,
                       const std::vector<std::string>& tokens) {
  Preprocess preprocess;
  preprocess.folder = folder;
  auto tokenizer = std::make_shared<Tokenizer>(Tokenizer::open(folder));
  for (const auto& token : tokens)
    tokenizer->add_tokens({{.content = token, .normalized = false, .special = true}});
  preprocess.tokenizer = std::move(tokenizer);
  preprocess.new_tokens = tokens;
  return preprocess;
}

const std::string kWords =
    R"({"version": "1.0", "added_tokens": [{"id": 2, "content": "<s>", "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
        "model": {"type": "WordLevel", "vocab": {"a": 0, "?": 1}, "unk_token": "?"}})";

TEST(TokenizerFiles, WordsThatAreReadWithABlankAreWrittenSo) {
  const ScratchDir dir;
  write_text(dir / "bytes" / "tokenizer.json",
             R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                   {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]},
                 "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "\u0120": 2, "\u0120a": 3, "\u0120b": 4},
                           "merges": ["\u0120 a", "\u0120 b"]}})");
  write_text(dir / "words" / "tokenizer.json", kWords);
  for (const char* kind : {"bytes", "words"}) {
    const Preprocess preprocess = with_tokens(dir / kind, {});
    write_tokenizer_files(preprocess, dir / "to" / kind);
    write_blanks_before_words(preprocess, dir / "to" / kind);
  }
  const Json written = read_json(dir / "to" / "bytes" / "tokenizer.json");
  EXPECT_EQ(written["pre_tokenizer"]["pretokenizers"][0]["add_prefix_space"], true);
  EXPECT_EQ(read_json(dir / "to" / "bytes" / "tokenizer_config.json")["add_prefix_space"], true);
  EXPECT_FALSE(std::filesystem::exists(dir / "to" / "words" / "tokenizer_config.json"));
  // Read again, words are what they were.
  const auto ids = [](const std::filesystem::path& folder) {
    const std::vector<Span> words = {{0, 1}, {2, 3}};
    return WordEncoder(with_tokens(folder, {})).apply("b a", words).ids;
  };
  EXPECT_EQ(ids(dir / "to" / "bytes"), ids(dir / "bytes"));
}

TEST(TokenizerFiles, TokenizerJsonGetsTheNewTokens) {
  const ScratchDir dir;
  write_text(dir / "from" / "tokenizer.json", kWords);
  write_text(dir / "from" / "chat_template.jinja", "{{ messages }}");
  const Preprocess grown = with_tokens(dir / "from", {"<x>", "ä\"b"});
  write_tokenizer_files(grown, dir / "to");
  EXPECT_FALSE(std::filesystem::exists(dir / "to" / "tokenizer_config.json"));
  EXPECT_EQ(graft::test::read_text(dir / "to" / "chat_template.jinja"), "{{ messages }}");
  EXPECT_EQ(read_json(dir / "to" / "tokenizer.json")["added_tokens"][1]["id"], 3);
  const Tokenizer again = Tokenizer::open(dir / "to");
  EXPECT_EQ(again.token_to_id("<s>"), 2U);
  EXPECT_EQ(again.token_to_id("<x>"), 3U);
  EXPECT_EQ(again.token_to_id("ä\"b"), 4U);
  EXPECT_EQ(again.encode("a<x>ä\"b").ids, (std::vector<uint32_t>{0, 3, 4}));
  EXPECT_EQ(again.decode(std::vector<uint32_t>{0, 3}), "a");
  // What was written stays when it is written in its own place.
  Preprocess same = with_tokens(dir / "to", {});
  write_tokenizer_files(same, dir / "to");
  EXPECT_EQ(Tokenizer::open(dir / "to").token_to_id("<x>"), 3U);
}

TEST(TokenizerFiles, AConfigThatListsTokensGetsThemToo) {
  const ScratchDir dir;
  write_text(dir / "from" / "tokenizer.json", kWords);
  write_text(dir / "from" / "tokenizer_config.json",
             R"({"added_tokens_decoder": {"2": {"content": "<s>", "special": true}}})");
  write_tokenizer_files(with_tokens(dir / "from", {"<x>"}), dir / "to");
  const Json config = read_json(dir / "to" / "tokenizer_config.json");
  EXPECT_EQ(config["added_tokens_decoder"]["3"]["content"], "<x>");
  EXPECT_EQ(config["added_tokens_decoder"]["3"]["special"], true);
}

TEST(TokenizerFiles, OtherFormatsHaveThemInTheirConfig) {
  const ScratchDir dir;
  write_text(dir / "from" / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n");
  write_tokenizer_files(with_tokens(dir / "from", {"<x>", "<y>"}), dir / "to");
  const Tokenizer again = Tokenizer::open(dir / "to");
  EXPECT_EQ(again.token_to_id("<x>"), 6U);
  EXPECT_EQ(again.token_to_id("<y>"), 7U);
  EXPECT_EQ(again.encode("hello<y>", {.bare = true}).ids, (std::vector<uint32_t>{5, 7}));
}

}  // namespace
}  // namespace graft::texts
