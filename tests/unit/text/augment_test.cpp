#include "graft/text/augment.h"

#include <algorithm>
#include <fstream>
#include <set>

#include "graft/base/error.h"
#include "graft/text/words.h"
#include "tests/support/support.h"

namespace graft::texts {
namespace {

Preprocess word_piece() {
  Preprocess p;
  p.folder = test::source_dir() / "tests/contract_training/word_piece";
  p.tokenizer = std::make_shared<const Tokenizer>(Tokenizer::open(p.folder));
  return p;
}

std::string applied(const Json& spec, const std::string& text, uint64_t key) {
  static const Preprocess p = word_piece();
  Rng rng{key};
  const Tokens tokens = Augmentation(spec).apply(p, text, std::nullopt, rng);
  std::vector<uint32_t> ids(tokens.ids.begin(), tokens.ids.end());
  return p.tokenizer->decode(ids, false);
}

std::multiset<std::string> bag(const std::string& text) {
  std::multiset<std::string> words;
  for (const Word& word : split_words(text)) words.insert(word.text);
  return words;
}

TEST(Words, JoinToTheTextAgain) {
  for (const std::string text : {"", " ", "one", "  one two\t\nthree  ", "a\n\nb", "ü  é"}) {
    EXPECT_EQ(join(split_words(text)), text);
  }
  EXPECT_EQ(split_words("a  b c").size(), 3);
}

TEST(TextAugment, DeletionLeavesOutWordsInTheirOrder) {
  const std::string text = "the old tree rests with a small bird";
  const std::string whole = applied("none", text, 1);
  int shorter = 0;
  for (uint64_t key = 0; key < 40; ++key) {
    const std::string out = applied({{"random_deletion", {{"p", 0.4}}}}, text, key);
    EXPECT_EQ(out, applied({{"random_deletion", {{"p", 0.4}}}}, text, key)) << "by its key alone";
    size_t at = 0;
    for (const Word& word : split_words(out)) {
      at = whole.find(word.text, at);
      ASSERT_NE(at, std::string::npos) << out;
    }
    shorter += out.size() < whole.size() ? 1 : 0;
  }
  EXPECT_GT(shorter, 30);
  // Never all.
  EXPECT_GE(split_words(applied({{"random_deletion", {{"p", 1.0}}}}, text, 3)).size(), 3);
}

TEST(TextAugment, SwapKeepsTheWords) {
  const std::string text = "the old tree rests with a small bird";
  int moved = 0;
  for (uint64_t key = 0; key < 20; ++key) {
    const std::string out = applied({{"random_swap", {{"share", 0.2}}}}, text, key);
    EXPECT_EQ(bag(out), bag(applied("none", text, 0)));
    moved += out != applied("none", text, 0) ? 1 : 0;
  }
  EXPECT_GT(moved, 15);
}

TEST(TextAugment, MaskingHidesTokensButNoSpecialOnes) {
  int hidden = 0;
  for (uint64_t key = 0; key < 20; ++key) {
    const std::string out =
        applied({{"token_masking", {{"p", 0.5}}}}, "the old tree rests with a small bird", key);
    EXPECT_TRUE(out.starts_with("[CLS]")) << out;
    EXPECT_TRUE(out.ends_with("[SEP]")) << out;
    hidden += out.find("[MASK]") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(hidden, 15);
}

TEST(TextAugment, SynonymsComeFromTheFile) {
  const test::ScratchDir scratch;
  std::ofstream(scratch / "words.txt") << "old, small\n\ntree,bird , river\n";
  const Json spec = {
      {"synonym_replacement", {{"file", (scratch / "words.txt").string()}, {"p", 1.0}}}};
  std::set<std::string> seen;
  for (uint64_t key = 0; key < 40; ++key) {
    seen.insert(applied(spec, "the old Tree, rests", key));
  }
  EXPECT_EQ(seen.size(), 6) << "two words for old, three for tree";
  std::ofstream(scratch / "bad.txt") << "old, small\nalone\n";
  EXPECT_GRAFT_ERROR(
      Augmentation(Json{{"synonym_replacement", {{"file", (scratch / "bad.txt").string()}}}}),
      ErrorCode::unreadable, "line 2");
  EXPECT_GRAFT_ERROR(Augmentation(Json("synonym_replacement")), ErrorCode::usage, "give file");
}

TEST(TextAugment, OtherWordingsComeFromTheFile) {
  const test::ScratchDir scratch;
  std::ofstream(scratch / "ways.tsv") << "the old tree\tthe tree is old\ta small tree\n";
  const Json spec = {{"back_translation", {{"file", (scratch / "ways.tsv").string()}, {"p", 0.7}}}};
  std::set<std::string> seen;
  for (uint64_t key = 0; key < 60; ++key) seen.insert(applied(spec, " the old tree", key));
  EXPECT_EQ(seen.size(), 3);
  EXPECT_EQ(applied(spec, "the bird", 1), applied("none", "the bird", 1));
  std::ofstream(scratch / "bad.tsv") << "no tab here\n";
  EXPECT_GRAFT_ERROR(
      Augmentation(Json{{"back_translation", {{"file", (scratch / "bad.tsv").string()}}}}),
      ErrorCode::unreadable, "a tab");
}

TEST(TextAugment, SpecsAreChecked) {
  EXPECT_FALSE(Augmentation(Json("none")).random());
  EXPECT_FALSE(Augmentation(Json{{"random_deletion", {{"p", 0}}}}).random());
  EXPECT_TRUE(Augmentation(Json::array({"random_swap", "token_masking"})).random());
  EXPECT_GRAFT_ERROR(Augmentation(Json("random_deletoin")), ErrorCode::usage, "random_deletion");
  EXPECT_GRAFT_ERROR(Augmentation(Json{{"random_swap", {{"p", 1}}}}), ErrorCode::usage, "p");
  EXPECT_GRAFT_ERROR(Augmentation(Json(3)), ErrorCode::usage, "expected");
}

}  // namespace
}  // namespace graft::texts
