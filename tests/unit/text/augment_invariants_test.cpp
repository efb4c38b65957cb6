#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "graft/text/augment.h"
#include "graft/text/words.h"
#include "tests/support/support.h"

/// What every augmentation of texts keeps, one of the catalogue after the other.
namespace graft::texts {
namespace {

constexpr const char* kText = "the old tree rests with a small bird on the red stone of the river";
constexpr const char* kOther = "green river flows and blue bird sings on the old stone";

Preprocess cut_at(int64_t tokens) {
  Preprocess p;
  p.folder = test::source_dir() / "tests/contract_training/word_piece";
  p.max_length = tokens;
  Tokenizer tokenizer = Tokenizer::open(p.folder);
  Truncation truncation;
  truncation.max_length = static_cast<uint64_t>(tokens);
  tokenizer.set_truncation(truncation);
  p.tokenizer = std::make_shared<const Tokenizer>(std::move(tokenizer));
  return p;
}

const Preprocess& word_piece() {
  static const Preprocess made = cut_at(512);
  return made;
}

/// A record of the catalogue with options under which it acts strongly, or never.
class EveryAugmentation : public testing::Test {
 protected:
  EveryAugmentation() {
    std::ofstream(scratch_ / "synonyms.txt") << "old, small, red\ntree, bird, river, stone\n";
    std::ofstream(scratch_ / "ways.tsv") << kText << "\tthe bird rests on a stone\n"
                                         << kOther << "\ta bird sings and a river flows\n";
  }

  Json spec(const AugmentRecord& record, double strength) const {
    Json options = Json::object();
    for (const Option& option : record.options) {
      if (option.name == "file") {
        const char* file = record.name == "back_translation" ? "ways.tsv" : "synonyms.txt";
        options["file"] = (scratch_ / file).string();
      } else {
        options[option.name] = strength;
      }
    }
    return {{record.name, options}};
  }

  static Tokens applied(const Json& spec, const std::string& text, uint64_t key,
                        std::optional<std::string> second = {},
                        const Preprocess& preprocess = word_piece()) {
    Rng rng{key};
    return Augmentation(spec).apply(preprocess, text, std::move(second), rng);
  }

  const test::ScratchDir scratch_;
};

int64_t count(const std::vector<int32_t>& ids, const char* special) {
  const auto id = static_cast<int32_t>(*word_piece().tokenizer->special_id(special));
  return std::count(ids.begin(), ids.end(), id);
}

/// [CLS] at the beginning, [SEP] behind each text and nowhere else, segments of one type each.
void expect_well_formed(const Tokens& tokens, int64_t texts) {
  ASSERT_EQ(tokens.ids.size(), tokens.types.size());
  ASSERT_GE(tokens.ids.size(), static_cast<size_t>(1 + texts));
  const auto separator = static_cast<int32_t>(*word_piece().tokenizer->special_id("sep_token"));
  EXPECT_EQ(tokens.ids.front(),
            static_cast<int32_t>(*word_piece().tokenizer->special_id("cls_token")));
  EXPECT_EQ(tokens.ids.back(), separator);
  EXPECT_EQ(count(tokens.ids, "cls_token"), 1);
  EXPECT_EQ(count(tokens.ids, "sep_token"), texts);
  uint8_t type = 0;
  for (size_t i = 0; i < tokens.ids.size(); ++i) {
    EXPECT_EQ(tokens.types[i], type) << i;
    if (tokens.ids[i] == separator && texts == 2) type = 1;
  }
}

TEST_F(EveryAugmentation, DependsOnItsKeyAlone) {
  for (const AugmentRecord& record : augmentations()) {
    SCOPED_TRACE(record.name);
    const Json strong = spec(record, 0.5);
    const Augmentation once(strong);
    std::set<std::vector<int32_t>> seen;
    for (uint64_t key = 0; key < 30; ++key) {
      Rng rng{key};
      const Tokens tokens = once.apply(word_piece(), kText, std::nullopt, rng);
      // Whatever the same object did before.
      EXPECT_EQ(tokens.ids, applied(strong, kText, key).ids);
      expect_well_formed(tokens, 1);
      seen.insert(tokens.ids);
    }
    EXPECT_GE(seen.size(), 2U) << "another key, another text";
  }
}

TEST_F(EveryAugmentation, OfNoStrengthChangesNothingAndSaysSo) {
  for (const AugmentRecord& record : augmentations()) {
    SCOPED_TRACE(record.name);
    const Json none = spec(record, 0);
    EXPECT_FALSE(Augmentation(none).random());
    EXPECT_TRUE(Augmentation(spec(record, 0.5)).random());
    for (uint64_t key = 0; key < 10; ++key) {
      EXPECT_EQ(applied(none, kText, key).ids, applied("none", kText, key).ids);
    }
  }
}

TEST_F(EveryAugmentation, ChangesBothTextsOfAPairAndKeepsThemApart) {
  for (const AugmentRecord& record : augmentations()) {
    SCOPED_TRACE(record.name);
    const Tokens plain = applied("none", kText, 0, kOther);
    const auto segment = [](const Tokens& tokens, uint8_t type) {
      std::vector<int32_t> ids;
      for (size_t i = 0; i < tokens.ids.size(); ++i) {
        if (tokens.types[i] == type) ids.push_back(tokens.ids[i]);
      }
      return ids;
    };
    bool first = false;
    bool second = false;
    for (uint64_t key = 0; key < 30; ++key) {
      const Tokens tokens = applied(spec(record, 0.5), kText, key, kOther);
      expect_well_formed(tokens, 2);
      first |= segment(tokens, 0) != segment(plain, 0);
      second |= segment(tokens, 1) != segment(plain, 1);
    }
    EXPECT_TRUE(first);
    EXPECT_TRUE(second);
  }
}

TEST_F(EveryAugmentation, TakesAnyTextAndLeavesSomethingOfIt) {
  std::string many;
  for (int i = 0; i < 3000; ++i) many += i % 7 == 0 ? "\n\tstone" : " bird";
  // Of some a single word may be no token: a byte that is no UTF-8, a joiner.
  const std::vector<std::string> doubtful = {"",
                                             " \t\n ",
                                             "\xff\xfe\x80",
                                             "old \xc3",
                                             "\xf0\x9f\x98\x80 \xe2\x80\x8d\xe2\x80\x8d",
                                             std::string("nul \0 tree", 10)};
  const std::vector<std::string> sound = {"a", "tree", "...!?", std::string(5000, 'x'), many};
  for (const AugmentRecord& record : augmentations()) {
    SCOPED_TRACE(record.name);
    for (const double strength : {0.3, 1.0}) {
      for (uint64_t key = 0; key < 8; ++key) {
        for (const std::string& text : doubtful)
          expect_well_formed(applied(spec(record, strength), text, key), 1);
        for (const std::string& text : sound) {
          const Tokens tokens = applied(spec(record, strength), text, key);
          expect_well_formed(tokens, 1);
          EXPECT_LE(tokens.ids.size(), 512U);
          EXPECT_GT(tokens.ids.size(), 2U) << "a text never loses all: " << text.substr(0, 20);
        }
      }
    }
  }
}

TEST_F(EveryAugmentation, KeepsToTheLengthThatIsAllowed) {
  const Preprocess narrow = cut_at(8);
  for (const AugmentRecord& record : augmentations()) {
    SCOPED_TRACE(record.name);
    for (uint64_t key = 0; key < 10; ++key) {
      const Tokens tokens = applied(spec(record, 0.5), kText, key, kOther, narrow);
      EXPECT_LE(tokens.ids.size(), 8U);
      expect_well_formed(tokens, 2);
    }
  }
}

/// Tokens of 400 words that are one token each, without the special ones.
std::vector<int32_t> many_words(const Json& spec, uint64_t key) {
  static const std::vector<std::string> kWords = {"tree", "bird", "red", "river", "on"};
  std::string text;
  for (size_t i = 0; i < 400; ++i) text += (i == 0 ? "" : " ") + kWords[i % kWords.size()];
  Rng rng{key};
  std::vector<int32_t> ids = Augmentation(spec).apply(word_piece(), text, std::nullopt, rng).ids;
  return {ids.begin() + 1, ids.end() - 1};
}

TEST(TextAugmentRates, AreTheOnesAskedFor) {
  for (const double p : {0.05, 0.3}) {
    SCOPED_TRACE(p);
    double left_out = 0;
    double hidden = 0;
    double moved = 0;
    constexpr int kKeys = 20;
    const std::vector<int32_t> plain = many_words("none", 0);
    ASSERT_EQ(plain.size(), 400U);
    for (uint64_t key = 0; key < kKeys; ++key) {
      left_out +=
          400.0 - static_cast<double>(many_words({{"random_deletion", {{"p", p}}}}, key).size());
      hidden += static_cast<double>(
          count(many_words({{"token_masking", {{"p", p}}}}, key), "mask_token"));
      const std::vector<int32_t> swapped = many_words({{"random_swap", {{"share", p}}}}, key);
      ASSERT_EQ(swapped.size(), 400U);
      for (size_t i = 0; i < swapped.size(); ++i) moved += swapped[i] != plain[i] ? 1 : 0;
    }
    // Five deviations of a binomial share.
    const double n = 400.0 * kKeys;
    const double tolerance = 5 * std::sqrt(p * (1 - p) / n);
    EXPECT_NEAR(left_out / n, p, tolerance);
    EXPECT_NEAR(hidden / n, p, tolerance);
    // A swap moves two words, which may be equal, and may move one that was moved before.
    EXPECT_LE(moved / n, 2 * p);
    EXPECT_GE(moved / n, 0.8 * (1 - std::exp(-2 * p)) * 0.9);
  }
}

TEST(TextAugmentOrder, StepsAreAppliedAsListed) {
  const test::ScratchDir scratch;
  std::ofstream(scratch / "one.txt") << "tree, bird\n";
  std::ofstream(scratch / "two.txt") << "bird, stone\n";
  const auto replace = [&](const char* file) {
    return Json{{"synonym_replacement", {{"file", (scratch / file).string()}, {"p", 1.0}}}};
  };
  const auto reaches_stone = [&](const Json& spec) {
    const auto stone = word_piece().tokenizer->encode("stone").ids;
    for (uint64_t key = 0; key < 60; ++key) {
      Rng rng{key};
      const Tokens tokens = Augmentation(spec).apply(word_piece(), "tree", std::nullopt, rng);
      if (std::find(tokens.ids.begin(), tokens.ids.end(), static_cast<int32_t>(stone.at(1))) !=
          tokens.ids.end())
        return true;
    }
    return false;
  };
  EXPECT_TRUE(reaches_stone(Json::array({replace("one.txt"), replace("two.txt")})));
  EXPECT_FALSE(reaches_stone(Json::array({replace("two.txt"), replace("one.txt")})));
}

}  // namespace
}  // namespace graft::texts
