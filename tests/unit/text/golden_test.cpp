#include <gtest/gtest.h>

#include "graft/text/unicode/utf8.h"
#include "tests/support/support.h"
#include "tests/unit/text/golden.h"

namespace graft::test {
namespace {

using texts::Encoding;
using texts::Tokenizer;

constexpr int kShownFailures = 3;

/// Compares a tokenizer with what the `tokenizers` package made of the same texts.
void expect_equal(const Tokenizer& tokenizer, const nlohmann::json& expected, bool tokens) {
  const auto encoded = unpack(expected.at("encoded"));
  const auto decoded = unpack(expected.at("decoded"));
  const std::vector<std::string>& all = golden_texts();
  ASSERT_EQ(encoded.size(), all.size());
  int wrong = 0;
  uint32_t token_hash = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const Encoding encoding = tokenizer.encode(all[i], kCharacters);
    if (hash_of(encoding) != encoded[i] && ++wrong <= kShownFailures)
      ADD_FAILURE() << "text " << i << " " << shown(all[i]) << "\n" << shown(encoding);
    std::string joined;
    for (const std::string& token : encoding.tokens)
      joined += (&token == encoding.tokens.data() ? "" : std::string(1, '\0')) + token;
    token_hash = hash_of(joined, token_hash);
    const std::string both = tokenizer.decode(encoding.ids) + std::string(1, '\0') +
                             tokenizer.decode(encoding.ids, false);
    if (hash_of(both) != decoded[i] && ++wrong <= kShownFailures)
      ADD_FAILURE() << "decoding text " << i << " " << shown(all[i]) << " gives " << shown(both);
  }
  EXPECT_EQ(wrong, 0) << "of " << 2 * all.size();
  if (tokens) {
    EXPECT_EQ(token_hash, expected.at("tokens").get<uint32_t>());
  }
}

TEST(TokenizerGolden, SmallTokenizers) {
  for (const auto& [name, expected] : golden().at("small").items()) {
    SCOPED_TRACE(name);
    expect_equal(Tokenizer::open(source_dir() / "tests/golden/tokenizers/small" / (name + ".json")),
                 expected, true);
  }
}

TEST(TokenizerGolden, SharedTokenizers) {
  GRAFT_NEEDS_SHARED("tokenizers/roberta-base/tokenizer.json");
  for (const auto& [path, expected] : golden().at("shared").items()) {
    SCOPED_TRACE(path);
    const auto file = shared_dir() / "tokenizers" / path;
    // Without the tokenizer_config.json beside it, which the package does not read either.
    expect_equal(path.ends_with(".json") ? Tokenizer::from_json(read_text(file), path)
                                         : Tokenizer::open(file),
                 expected, true);
  }
}

Tokenizer around_bytes(const nlohmann::json& component) {
  nlohmann::json file = {{"version", "1.0"}, {"model", golden().at("model")}};
  file[component.at("kind").get<std::string>()] = component.at("component");
  return Tokenizer::from_json(file.dump(), "component");
}

TEST(TokenizerGolden, ComponentsAlone) {
  for (const auto& [name, expected] : golden().at("components").items()) {
    SCOPED_TRACE(name);
    const Tokenizer tokenizer = around_bytes(expected);
    const auto hashes = unpack(expected.at("encoded"));
    int wrong = 0;
    for (size_t i = 0; i < hashes.size(); ++i) {
      const Encoding encoding = tokenizer.encode(golden_texts()[i], kCharacters);
      if (hash_of(encoding) != hashes[i] && ++wrong <= kShownFailures)
        ADD_FAILURE() << "text " << i << " " << shown(golden_texts()[i]) << "\n" << shown(encoding);
      EXPECT_EQ(tokenizer.encode(golden_texts()[i], {.ids_only = true}).ids, encoding.ids);
    }
    EXPECT_EQ(wrong, 0) << "of " << hashes.size();
  }
}

TEST(TokenizerGolden, EveryCharacter) {
  std::vector<char32_t> starts;
  for (char32_t first = 0; first < 0x34000; first += 0x1000) starts.push_back(first);
  starts.insert(starts.end(), {0xe0000, 0xf0000, 0x10f000});
  for (const auto& [name, packed] : golden().at("blocks").items()) {
    const Tokenizer tokenizer = around_bytes(golden().at("components").at(name));
    const auto hashes = unpack(packed);
    ASSERT_EQ(hashes.size(), starts.size());
    for (size_t block = 0; block < starts.size(); ++block) {
      uint32_t hash = 0;
      for (char32_t row = starts[block]; row < starts[block] + 0x1000; row += 64) {
        std::string text;
        for (char32_t c = row; c < row + 64; ++c) {
          const std::string own = c >= 0xd800 && c <= 0xdfff ? std::string("?") : texts::to_utf8(c);
          text.append("a").append(own).append("\u0301").append(own).append("b");
        }
        hash = hash_of(tokenizer.encode(text, kCharacters), hash);
      }
      EXPECT_EQ(hash, hashes[block])
          << name << ": characters from " << std::hex << static_cast<uint32_t>(starts[block]);
    }
  }
}

TEST(TokenizerGolden, BrokenUtf8) {
  for (const auto& pair : golden().at("broken")) {
    const auto hex = pair[0].get<std::string>();
    std::string bytes;
    for (size_t i = 0; i < hex.size(); i += 2)
      bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    EXPECT_EQ(texts::repair_utf8(bytes).text, pair[1].get<std::string>()) << hex;
  }
}

}  // namespace
}  // namespace graft::test
