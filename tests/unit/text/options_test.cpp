#include <gtest/gtest.h>

#include "graft/base/error.h"
#include "tests/support/support.h"
#include "tests/unit/text/golden.h"

/// Truncation, padding, pairs: in full what the `tokenizers` package gives.
namespace graft::test {
namespace {

using namespace texts;
using Json = nlohmann::json;

std::optional<Truncation> truncation_of(const Json& options) {
  if (options.is_null()) return std::nullopt;
  Truncation how;
  how.max_length = options.at("max_length");
  how.stride = options.at("stride");
  const std::string strategy = options.value("strategy", "longest_first");
  if (strategy == "only_first") how.strategy = TruncationStrategy::only_first;
  if (strategy == "only_second") how.strategy = TruncationStrategy::only_second;
  if (options.value("direction", "right") == "left") how.direction = Direction::left;
  return how;
}

std::optional<Padding> padding_of(const Json& options) {
  if (options.is_null()) return std::nullopt;
  Padding how;
  if (options.contains("length")) how.length = options.at("length").get<uint64_t>();
  if (options.value("direction", "right") == "left") how.direction = Direction::left;
  how.id = options.value("pad_id", 0U);
  how.type_id = options.value("pad_type_id", 0U);
  how.token = options.value("pad_token", "[PAD]");
  how.multiple_of = options.value("pad_to_multiple_of", uint64_t{0});
  return how;
}

/// In the original, windows of pairs have windows of their own, which repeat what stands beside
/// them; here they have none.
void expect_same(const Encoding& e, const Json& expected, bool window = false) {
  EXPECT_EQ(e.ids, expected.at("ids").get<std::vector<uint32_t>>());
  EXPECT_EQ(e.type_ids, expected.at("type_ids").get<std::vector<uint32_t>>());
  EXPECT_EQ(e.tokens, expected.at("tokens").get<std::vector<std::string>>());
  EXPECT_EQ(e.special_tokens_mask, expected.at("special").get<std::vector<uint8_t>>());
  EXPECT_EQ(e.attention_mask, expected.at("attention").get<std::vector<uint8_t>>());
  EXPECT_EQ(e.words, expected.at("words").get<std::vector<int32_t>>());
  Json offsets = Json::array();
  for (const Span& span : e.offsets) offsets.push_back({span.begin, span.end});
  EXPECT_EQ(offsets, expected.at("offsets"));
  if (window) {
    EXPECT_TRUE(e.overflow.empty());
    return;
  }
  ASSERT_EQ(e.overflow.size(), expected.at("overflow").size());
  for (size_t i = 0; i < e.overflow.size(); ++i) {
    SCOPED_TRACE("overflow " + std::to_string(i));
    expect_same(e.overflow[i], expected.at("overflow")[i], true);
  }
}

TEST(TokenizerOptions, AsTheOriginal) {
  size_t compared = 0;
  for (const auto& set : golden().at("options")) {
    const auto name = set.at("tokenizer").get<std::string>();
    Tokenizer tokenizer =
        Tokenizer::open(source_dir() / "tests/golden/tokenizers/small" / (name + ".json"));
    const auto first = set.at("first").get<std::string>();
    const auto second = set.at("second").get<std::string>();
    for (const auto& one : set.at("cases")) {
      SCOPED_TRACE(name + " " + one.at("truncation").dump() + one.at("padding").dump() +
                   (one.at("pair").get<bool>() ? " pair" : "") +
                   (one.at("special").get<bool>() ? " special" : ""));
      tokenizer.set_truncation(truncation_of(one.at("truncation")));
      tokenizer.set_padding(padding_of(one.at("padding")));
      const auto encode = [&](bool ids_only) {
        const EncodeOptions options{.add_special = one.at("special"),
                                    .ids_only = ids_only,
                                    .offsets = OffsetUnit::characters};
        return one.at("pair").get<bool>() ? tokenizer.encode(first, second, options)
                                          : tokenizer.encode(first, options);
      };
      if (one.at("result").is_null()) {
        EXPECT_GRAFT_ERROR(encode(false), ErrorCode::usage, "truncation: ");
        continue;
      }
      const Encoding encoding = encode(false);
      expect_same(encoding, one.at("result"));
      if (auto how = tokenizer.truncation()) {
        how->keep_rest = false;
        tokenizer.set_truncation(how);
        const Encoding short_one = encode(false);
        EXPECT_EQ(short_one.ids, encoding.ids);
        EXPECT_TRUE(short_one.overflow.empty());
      }
      const Encoding ids = encode(true);
      EXPECT_EQ(ids.ids, encoding.ids);
      EXPECT_TRUE(ids.tokens.empty() && ids.offsets.empty() && ids.type_ids.empty());
      ++compared;
    }
  }
  EXPECT_GT(compared, 200U);
}

Tokenizer small(const std::string& name) {
  return Tokenizer::open(source_dir() / "tests/golden/tokenizers/small" / (name + ".json"));
}

TEST(TokenizerOptions, SequencesTellTextsApart) {
  const Encoding e = small("word_piece").encode("a b", "c");
  EXPECT_EQ(e.sequences.front(), Encoding::kNone);
  EXPECT_EQ(e.sequences[1], 0);
  EXPECT_EQ(e.sequences[e.size() - 2], 1);
  EXPECT_EQ(e.type_ids[e.size() - 2], 1U);
}

TEST(TokenizerOptions, OffsetsInBytesOfTheTextGiven) {
  const Tokenizer tokenizer = small("word_piece");
  const std::string text = "\xc3\xa9\xff[MASK]";  // é, a stray byte, a special token
  const Encoding e = tokenizer.encode(text, {.add_special = false});
  ASSERT_GE(e.size(), 2U);
  EXPECT_EQ(e.offsets.back(), (Span{3, 9}));
  EXPECT_EQ(text.substr(e.offsets.back().begin, 6), "[MASK]");
  const Encoding in_characters =
      tokenizer.encode(text, {.add_special = false, .offsets = OffsetUnit::characters});
  EXPECT_EQ(in_characters.offsets.back(), (Span{2, 8}));
}

TEST(TokenizerOptions, SpecialTokensInTextsMayBeTakenAsText) {
  const Tokenizer tokenizer = small("word_piece");
  const auto mask = *tokenizer.token_to_id("[MASK]");
  EXPECT_EQ(tokenizer.encode("[MASK]", {.add_special = false}).ids, std::vector{mask});
  const auto plain = tokenizer.encode("[MASK]", {.add_special = false, .parse_special = false}).ids;
  EXPECT_GT(plain.size(), 1U);
  EXPECT_EQ(std::ranges::count(plain, mask), 0);
}

TEST(TokenizerOptions, BatchesOnThreadsEqualOneByOne) {
  Tokenizer tokenizer = small("gpt4");
  Padding padding;
  padding.id = 7;
  tokenizer.set_padding(padding);
  const std::span all = std::span(golden_texts()).first(300);
  ThreadPool pool(3);
  const auto parallel = tokenizer.encode_batch(all, {}, &pool);
  const auto serial = tokenizer.encode_batch(all);
  size_t longest = 0;
  for (const Encoding& e : serial) longest = std::max(longest, e.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(parallel[i].ids, serial[i].ids);
    EXPECT_EQ(parallel[i].offsets, serial[i].offsets);
    EXPECT_EQ(parallel[i].size(), longest);
  }
}

TEST(TokenizerOptions, TokensCanBeAdded) {
  Tokenizer tokenizer = small("roberta");
  const size_t before = tokenizer.size();
  const size_t end = tokenizer.id_end();
  EXPECT_EQ(tokenizer.add_tokens({{.content = "<|user|>", .normalized = false, .special = true},
                                  {.content = "glorp"},
                                  {.content = "<s>", .special = true}}),
            3U);  // <s> was there with other properties
  EXPECT_EQ(tokenizer.size(), before + 2);
  EXPECT_EQ(tokenizer.id_end(), end + 2);
  EXPECT_EQ(tokenizer.token_to_id("<|user|>"), end);
  EXPECT_EQ(tokenizer.id_to_token(static_cast<uint32_t>(end + 1)), "glorp");
  const auto ids = tokenizer.encode("a<|user|>glorp", {.add_special = false}).ids;
  EXPECT_EQ(ids[ids.size() - 2], end);
  EXPECT_EQ(ids.back(), end + 1);
  EXPECT_EQ(tokenizer.decode(ids), "aglorp");
  EXPECT_EQ(tokenizer.decode(ids, false), "a<|user|>glorp");
  EXPECT_EQ(tokenizer.add_tokens({{.content = "glorp"}}), 0U);
}

}  // namespace
}  // namespace graft::test
