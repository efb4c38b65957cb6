#include <gtest/gtest.h>
#include <torch/types.h>

#include "graft/base/error.h"
#include "graft/models/load.h"
#include "graft/text/tokenizer.h"
#include "tests/support/support.h"
#include "tests/unit/models/golden.h"

/// Tokens that a user adds to a model: ids, rows, and that what is written has them too.
namespace graft::models::test {
namespace {

namespace fs = std::filesystem;
using graft::test::ScratchDir;

const std::vector<std::string> kTokens = {"<tool>", "[MASK]", "</tool>"};

fs::path word_piece() {
  return graft::test::source_dir() / "tests" / "contract_training" / "word_piece";
}

struct Case {
  const char* golden;
  Task task;
  std::vector<const char*> grown;  ///< tensors with a row a token
};

const std::vector<Case> kCases = {
    {"bert_mlm", Task::masked_token, {"word_embeddings.weight", "bias"}},
    {"gpt2", Task::next_token, {"wte.weight"}},
    {"llama", Task::next_token, {"embed_tokens.weight", "lm_head.weight"}},
    {"llama_gqa_tied", Task::next_token, {"embed_tokens.weight"}}};

class NewTokensOf : public ::testing::TestWithParam<Case> {
 protected:
  /// A model with as many rows as the tokenizer has tokens, as a folder.
  fs::path base() {
    ModelSource source;
    source.path = (text_golden_folder() / GetParam().golden).string();
    source.task = GetParam().task;
    source.random = true;
    source.tokenizer = word_piece().string();
    source.config = {{"vocab_size", texts::Tokenizer::open(word_piece()).id_end()}};
    save_model(*load_model(source).model, scratch_ / "base");
    return scratch_ / "base";
  }
  LoadedModel load(const fs::path& folder, std::vector<std::string> tokens = {}) const {
    ModelSource source;
    source.path = folder.string();
    source.task = GetParam().task;
    source.add_tokens = std::move(tokens);
    return load_model(source);
  }
  ScratchDir scratch_;
};

at::Tensor logits_of_ids(Model& model, const std::vector<int64_t>& ids) {
  nn::Flow flow("ids", at::tensor(ids, at::kLong));
  flow["lengths"] = at::tensor({static_cast<int64_t>(ids.size())}, at::kLong);
  nn::Context context;
  return model.forward(flow, context).at("logits");
}

TEST_P(NewTokensOf, GetTheNextIdsAndTheMeanOfTheRows) {
  const fs::path folder = base();
  const LoadedModel before = load(folder);
  const LoadedModel after = load(folder, kTokens);
  const auto rows = before.model->config()["vocab_size"].get<int64_t>();
  EXPECT_EQ(after.model->config()["vocab_size"], rows + 2);
  EXPECT_EQ(after.tokens.tokens, (std::vector<std::string>{"<tool>", "</tool>"}));
  EXPECT_TRUE(before.tokens.summary().empty());
  EXPECT_NE(after.tokens.summary().find("2 new (<tool>, </tool>)"), std::string::npos);

  std::vector<std::string> grown;
  for (const auto& p : after.model->registry().parameters) {
    const at::Tensor& old = *before.model->registry().find(p.name)->value;
    if (old.sizes() == p.value->sizes()) {
      EXPECT_TRUE(old.equal(*p.value)) << p.name;
      continue;
    }
    grown.push_back(p.name);
    EXPECT_TRUE(p.value->narrow(0, 0, rows).equal(old)) << p.name;
    for (int64_t i = rows; i < rows + 2; ++i)
      EXPECT_TRUE(at::allclose(p.value->select(0, i), old.mean(0), 1e-5, 1e-7)) << p.name;
  }
  ASSERT_EQ(grown.size(), GetParam().grown.size());
  for (size_t i = 0; i < grown.size(); ++i)
    EXPECT_TRUE(grown[i].ends_with(GetParam().grown[i])) << grown[i];

  const auto& tokenizer = *after.model->text_preprocess().tokenizer;
  EXPECT_EQ(tokenizer.token_to_id("<tool>"), rows);
  EXPECT_EQ(tokenizer.token_to_id("</tool>"), rows + 1);
  const auto ids = tokenizer.encode("a<tool>b", {.bare = true}).ids;
  ASSERT_EQ(ids.size(), 3U);
  EXPECT_EQ(ids[1], rows);
}

TEST_P(NewTokensOf, AreThereWhenTheModelIsWrittenAndReadAgain) {
  const LoadedModel grown = load(base(), kTokens);
  save_model(*grown.model, scratch_ / "grown");
  for (const bool asked : {false, true}) {
    const LoadedModel again =
        load(scratch_ / "grown", asked ? kTokens : std::vector<std::string>());
    EXPECT_TRUE(again.tokens.tokens.empty()) << "they are the tokenizer's own now";
    const auto& tokenizer = *again.model->text_preprocess().tokenizer;
    const auto id = static_cast<int64_t>(*tokenizer.token_to_id("<tool>"));
    EXPECT_EQ(id + 2, again.model->config()["vocab_size"]);
    const std::vector<int64_t> ids = {5, id, id + 1, 6};
    EXPECT_TRUE(logits_of_ids(*again.model, ids).equal(logits_of_ids(*grown.model, ids)));
    EXPECT_EQ(tokenizer.decode(std::vector<uint32_t>{static_cast<uint32_t>(id)}), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Families, NewTokensOf, ::testing::ValuesIn(kCases),
                         [](const auto& c) { return std::string(c.param.golden); });

TEST(NewTokens, TakeRowsThatAreToSpare) {
  const ScratchDir scratch;
  ModelSource source;
  source.path = (text_golden_folder() / "llama").string();
  source.task = Task::next_token;
  source.tokenizer = word_piece().string();
  source.random = true;
  source.config = {{"vocab_size", 1000}};
  source.add_tokens = {"<tool>"};
  const LoadedModel made = load_model(source);
  EXPECT_EQ(made.model->config()["vocab_size"], 1000);
  EXPECT_NE(made.tokens.summary().find("1000 rows, all random"), std::string::npos)
      << made.tokens.summary();
  save_model(*made.model, scratch / "base");
  ModelSource again;
  again.path = (scratch / "base").string();
  again.task = Task::next_token;
  again.add_tokens = {"<tool>", "<end>"};
  const LoadedModel loaded = load_model(again);
  EXPECT_EQ(loaded.tokens.tokens, (std::vector<std::string>{"<end>"}));
  EXPECT_NE(loaded.tokens.summary().find("to spare"), std::string::npos) << loaded.tokens.summary();
  for (const auto& p : loaded.model->registry().parameters)
    EXPECT_TRUE(p.value->equal(*made.model->registry().find(p.name)->value)) << p.name;
}

TEST(NewTokens, NeedATokenizerAndTexts) {
  ModelSource source;
  source.path = (text_golden_folder() / "llama").string();
  source.task = Task::next_token;
  source.add_tokens = {"<tool>"};
  EXPECT_GRAFT_ERROR(load_model(source), ErrorCode::unreadable, "no tokenizer to add tokens to");
  source = {};
  source.path = (golden_folder() / "vit").string();
  source.add_tokens = {"<tool>"};
  EXPECT_GRAFT_ERROR(load_model(source), ErrorCode::usage, "reads pictures");
}

}  // namespace
}  // namespace graft::models::test
