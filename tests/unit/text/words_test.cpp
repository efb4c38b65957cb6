#include "graft/text/words.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

#include "graft/text/word_encoder.h"
#include "tests/support/support.h"
#include "tests/unit/text/golden.h"

namespace graft::test {
namespace {

using texts::Encoding;
using texts::Span;
using texts::Tokenizer;
using texts::Tokens;
using texts::WordEncoder;

constexpr int kShownFailures = 3;
using Strings = std::vector<std::string>;

Strings words_in(const std::string& text) {
  Strings words;
  for (const Span& span : texts::separate_words(text))
    words.push_back(text.substr(span.begin, span.end - span.begin));
  return words;
}

TEST(Words, AreSeparatedByWhiteSpaceAndPunctuation) {
  EXPECT_EQ(words_in("Dr. Smith's dog,\u00a0 in\tBerlin!"),
            (Strings{"Dr", ".", "Smith", "'", "s", "dog", ",", "in", "Berlin", "!"}));
  EXPECT_EQ(words_in("x=3.5€ 東京へ"), (Strings{"x", "=", "3", ".", "5€", "東", "京", "へ"}));
  EXPECT_EQ(words_in("  "), Strings());
  EXPECT_EQ(words_in(""), Strings());
}

TEST(Words, OfBytesThatAreNoUtf8LieWhereTheyAre) {
  const std::string text = "a\xff b\xc3, c";
  EXPECT_EQ(words_in(text), (Strings{"a\xff", "b\xc3", ",", "c"}));
}

/// As make_words.py puts them together.
std::vector<Strings> samples(size_t words) {
  std::vector<Strings> all;
  for (size_t i = 0; i + words <= 400 * words; i += words)
    all.emplace_back(golden_texts().begin() + static_cast<std::ptrdiff_t>(i),
                     golden_texts().begin() + static_cast<std::ptrdiff_t>(i + words));
  return all;
}

std::string hash_of_words(const std::vector<uint32_t>& ids, const std::vector<int32_t>& words) {
  std::string bytes;
  const auto put = [&](uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<char>(number >> shift & 0xff));
  };
  for (const uint32_t id : ids) put(id);
  for (const int32_t word : words) put(static_cast<uint32_t>(word));
  return fmt::format("{:08x}", hash_of(bytes));
}

/// The words with a blank between, and where each of them lies.
struct Text {
  std::string text;
  std::vector<Span> words;
};
Text joined(const Strings& words) {
  Text text;
  for (const std::string& word : words) {
    if (!text.words.empty()) text.text += ' ';
    const auto begin = static_cast<uint32_t>(text.text.size());
    text.text += word;
    text.words.push_back({begin, static_cast<uint32_t>(text.text.size())});
  }
  return text;
}

void expect_equal(const std::filesystem::path& file, const nlohmann::json& expected, size_t count) {
  Tokenizer own = Tokenizer::from_json(read_text(file), file.filename().string());
  own.set_padding(std::nullopt);
  own.set_truncation(std::nullopt);
  const auto tokenizer = std::make_shared<const Tokenizer>(std::move(own));
  const Tokenizer& t = *tokenizer;
  const auto data = nlohmann::json::parse(read_text(file));
  const auto bare = expected.at("bare").get<std::string>();
  const auto spaced = expected.at("spaced").get<std::string>();
  texts::Preprocess preprocess;
  preprocess.tokenizer = tokenizer;
  const WordEncoder encoder(preprocess);
  const std::vector<Strings> all = samples(count);
  ASSERT_EQ(bare.size(), 8 * all.size());
  int wrong = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const std::vector<std::string_view> views(all[i].begin(), all[i].end());
    const Encoding encoding = t.encode_words(views, {.truncate = false});
    if (hash_of_words(encoding.ids, encoding.words) != bare.substr(8 * i, 8) &&
        ++wrong <= kShownFailures)
      ADD_FAILURE() << "words of sample " << i << shown(encoding);
    EXPECT_EQ(t.encode_words(views, {.ids_only = true, .truncate = false}).ids, encoding.ids);

    Strings plain;
    for (const std::string& word : all[i]) {
      bool special = false;
      for (const auto& token : data.at("added_tokens"))
        special = special || word.find(token.at("content").get<std::string>()) != std::string::npos;
      if (!special) plain.push_back(word);
    }
    const Text text = joined(plain);
    const Tokens tokens = encoder.apply(text.text, text.words);
    const std::vector<uint32_t> ids(tokens.ids.begin(), tokens.ids.end());
    if (hash_of_words(ids, tokens.words) != spaced.substr(8 * i, 8) && ++wrong <= kShownFailures)
      ADD_FAILURE() << "sample " << i << ": " << shown(text.text);
  }
  EXPECT_EQ(wrong, 0) << "of " << 2 * all.size();
}

nlohmann::json golden_words() {
  return nlohmann::json::parse(read_text(source_dir() / "tests/golden/tokenizers/words.json"));
}

TEST(Words, OfSmallTokenizersAreAsHuggingFaceHasThem) {
  const auto expected = golden_words();
  for (const auto& [name, own] : expected.at("small").items()) {
    SCOPED_TRACE(name);
    expect_equal(source_dir() / "tests/golden/tokenizers/small" / (name + ".json"), own,
                 expected.at("words"));
  }
}

TEST(Words, OfSharedTokenizersAreAsHuggingFaceHasThem) {
  GRAFT_NEEDS_SHARED("tokenizers/roberta-base/tokenizer.json");
  const auto expected = golden_words();
  for (const auto& [name, own] : expected.at("shared").items()) {
    SCOPED_TRACE(name);
    expect_equal(shared_dir() / "tokenizers" / name / "tokenizer.json", own, expected.at("words"));
  }
}

TEST(Words, OfMiniLmAreAsHuggingFaceHasThem) {
  const auto file = source_dir() / ".deps/minilm/tokenizer.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "needs " << file << ": scripts/minilm";
  const auto expected = golden_words();
  expect_equal(file, expected.at("minilm"), expected.at("words"));
}

WordEncoder encoder_of(const std::string& name, int64_t most) {
  auto tokenizer =
      Tokenizer::open(source_dir() / "tests/golden/tokenizers/small" / (name + ".json"));
  tokenizer.set_truncation(texts::Truncation{.max_length = static_cast<uint64_t>(most)});
  texts::Preprocess preprocess;
  preprocess.tokenizer = std::make_shared<const Tokenizer>(std::move(tokenizer));
  preprocess.max_length = most;
  return WordEncoder(preprocess);
}

TEST(Words, WithoutTokensAndBehindTheEndHaveNone) {
  // A word of control characters only is cleaned away by BERT's normaliser.
  const Text text = joined({"the", "\x01\x02", "quick", "fox"});
  const Tokens whole = encoder_of("word_piece", 512).apply(text.text, text.words);
  EXPECT_FALSE(whole.cut);
  std::vector<int32_t> begun;
  for (const int32_t word : whole.words)
    if (word >= 0) begun.push_back(word);
  EXPECT_EQ(begun, (std::vector<int32_t>{0, 2, 3}));
  ASSERT_EQ(whole.words.size(), whole.ids.size());
  EXPECT_EQ(whole.words.front(), -1);
  EXPECT_EQ(whole.words.back(), -1);

  const Tokens cut = encoder_of("word_piece", 4).apply(text.text, text.words);
  EXPECT_TRUE(cut.cut);
  EXPECT_EQ(cut.ids.size(), 4U);
  EXPECT_EQ(cut.words.front(), -1);
  EXPECT_EQ(cut.words[1], 0);
}

TEST(Words, OfByteLevelTokenizersHaveTheirBlank) {
  const auto file = source_dir() / "tests/golden/tokenizers/small/gpt4.json";
  const Text text = joined({"dog", "dog"});
  const Tokens tokens = encoder_of("gpt4", 512).apply(text.text, text.words);
  const std::vector<uint32_t> ids(tokens.ids.begin(), tokens.ids.end());
  EXPECT_EQ(ids, Tokenizer::open(file).encode(" dog dog").ids);
  EXPECT_EQ(tokens.words, (std::vector<int32_t>{-1, 0, 1}));
}

}  // namespace
}  // namespace graft::test
