#include "graft/text/text_stream.h"

#include <gtest/gtest.h>

#include "graft/base/error.h"
#include "graft/base/json.h"
#include "graft/base/rng.h"
#include "graft/text/byte_alphabet.h"
#include "graft/text/unicode/utf8.h"
#include "tests/support/support.h"

namespace graft::texts {
namespace {

/// A token a byte, as GPT-2's alphabet writes it, and one special token.
Tokenizer bytes_tokenizer() {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte)
    vocab[byte_alphabet().utf8[static_cast<size_t>(byte)]] = byte;
  Json end = {{"id", 256},       {"content", "<end>"},  {"single_word", false}, {"lstrip", false},
              {"rstrip", false}, {"normalized", false}, {"special", true}};
  const Json description = {
      {"version", "1.0"},
      {"added_tokens", Json::array({end})},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array()}}}};
  return Tokenizer::from_json(description.dump(), "test");
}

/// Visible spaces and byte tokens, as sentencepiece has them.
Tokenizer stories_tokenizer() {
  return Tokenizer::open(test::source_dir() / "examples" / "models" / "stories260K");
}

std::vector<std::string> pieces(TextStream& stream, const std::vector<uint32_t>& ids) {
  std::vector<std::string> all;
  for (const uint32_t id : ids) all.push_back(stream.add(id));
  all.push_back(stream.finish());
  return all;
}

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const auto& piece : all) text += piece;
  return text;
}

TEST(TextStream, NeverHalfACharacter) {
  for (const Tokenizer& tokenizer : {bytes_tokenizer(), stories_tokenizer()}) {
    const std::string text = "Grüße, 日本 👩‍💻 und é!";
    TextStream stream(tokenizer, {}, {});
    const auto all = pieces(stream, tokenizer.encode(text, {.add_special = false}).ids);
    EXPECT_EQ(joined(all), text);
    for (const auto& piece : all) EXPECT_TRUE(is_valid_utf8(piece)) << piece;
    EXPECT_EQ(all.back(), "");
  }
}

TEST(TextStream, SpacesBehindThePromptAreOfTheText) {
  const Tokenizer tokenizer = stories_tokenizer();
  const auto prompt = tokenizer.encode("Once upon a").ids;
  const auto whole = tokenizer.encode("Once upon a time there").ids;
  ASSERT_TRUE(std::equal(prompt.begin(), prompt.end(), whole.begin()));
  const std::vector<uint32_t> rest(whole.begin() + static_cast<int64_t>(prompt.size()),
                                   whole.end());
  TextStream behind(tokenizer, prompt, {});
  EXPECT_EQ(joined(pieces(behind, rest)), " time there");
  TextStream alone(tokenizer, {}, {});
  EXPECT_EQ(joined(pieces(alone, rest)), "time there");
}

TEST(TextStream, BytesThatAreNoCharacter) {
  const Tokenizer tokenizer = bytes_tokenizer();
  TextStream stream(tokenizer, {}, {});
  EXPECT_EQ(joined(pieces(stream, {'a', 0xe6, 0x97, 'b', 0xff, 'c', 0xe6})),
            "a\ufffdb\ufffdc\ufffd");
  // What never becomes one is not held for ever.
  TextStream endless(tokenizer, {}, {});
  std::string shown;
  for (int i = 0; i < 1000; ++i) shown += endless.add(0xff);
  EXPECT_GT(shown.size(), 900U);
  EXPECT_TRUE(is_valid_utf8(shown));
}

TEST(TextStream, SpecialTokensAreLeftOut) {
  const Tokenizer tokenizer = bytes_tokenizer();
  TextStream stream(tokenizer, {}, {});
  EXPECT_EQ(joined(pieces(stream, {'a', 256, 256, 'b', 256})), "ab");
}

TEST(TextStream, StopsAreCutOff) {
  const Tokenizer tokenizer = bytes_tokenizer();
  const auto ids = [&](const std::string& text) { return tokenizer.encode(text).ids; };
  TextStream stream(tokenizer, {}, {"END", "\n\n"});
  EXPECT_EQ(pieces(stream, ids("aENb")), (std::vector<std::string>{"a", "", "", "ENb", ""}));
  TextStream stopped(tokenizer, {}, {"END", "\n\n"});
  EXPECT_EQ(joined(pieces(stopped, ids("one\ntwo EENEND three"))), "one\ntwo EEN");
  EXPECT_TRUE(stopped.stopped());
  EXPECT_EQ(stopped.add('x'), "");
  EXPECT_EQ(stopped.finish(), "");
  // An end that only began belongs to the text.
  TextStream open(tokenizer, {}, {"END"});
  EXPECT_EQ(joined(pieces(open, ids("the EN"))), "the EN");
  EXPECT_FALSE(open.stopped());
  EXPECT_GRAFT_ERROR(TextStream(tokenizer, {}, {""}), ErrorCode::usage, "stop");
}

/// The first stop decides, however the text is divided; nothing behind it is ever shown.
TEST(TextStream, AnyTextAnyStops) {
  const Tokenizer tokenizer = bytes_tokenizer();
  Rng random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 30; ++i) text += static_cast<char>('a' + random.below(3));
    std::vector<std::string> stops;
    for (uint64_t n = random.below(3) + 1; n > 0; --n) {
      std::string stop;
      for (uint64_t i = random.below(5) + 1; i > 0; --i)
        stop += static_cast<char>('a' + random.below(3));
      stops.push_back(stop);
    }
    TextStream stream(tokenizer, {}, stops);
    std::string shown, before;
    size_t read = 0;
    while (read < text.size() && !stream.stopped()) {
      shown += stream.add(static_cast<uint8_t>(text[read++]));
      ASSERT_TRUE(text.starts_with(shown));
    }
    shown += stream.finish();
    // What is there at the time decides: a text that ends earlier counts, one that begins earlier
    // but ends later does not.
    size_t end = read;
    for (const auto& stop : stops) end = std::min(end, text.substr(0, read).find(stop));
    EXPECT_EQ(shown, text.substr(0, end)) << text;
  }
}

}  // namespace
}  // namespace graft::texts
